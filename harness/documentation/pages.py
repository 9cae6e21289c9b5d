"""All pages and files that are generated from the code."""

from __future__ import annotations

from functools import cache

from documentation.channels_page import channels_page
from documentation.checks_page import checks_page
from documentation.commands_pages import commands_pages
from documentation.exit_codes_page import exit_codes_page
from documentation.metrics_page import metrics_page
from documentation.pytest_page import pytest_page
from documentation.schemas_page import schema_files, schemas_page
from documentation.servers_page import servers_page


@cache
def generated_pages() -> dict[str, str]:
    """The text of each page by its path in the site."""
    return {
        **commands_pages(),
        "reference/checks.md": checks_page(),
        "reference/metrics.md": metrics_page(),
        "reference/channels.md": channels_page(),
        "reference/servers.md": servers_page(),
        "reference/pytest-options.md": pytest_page(),
        "reference/exit-codes.md": exit_codes_page(),
        "reference/schemas.md": schemas_page(),
    }


def generated_files() -> dict[str, str]:
    """The text of each other file by its path in the site."""
    return schema_files()
