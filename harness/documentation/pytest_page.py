"""The page of the options of pytest and of Locust users."""

from __future__ import annotations

from collections.abc import Iterable

from documentation.markdown_table import code, markdown_table, plain
from wsproof.pytest.plugin import PREFIX
from wsproof.session.option import Option, options_in
from wsproof.session.options import IN_PYTEST, LocustOptions, PytestOptions

INTRODUCTION = """\
# Options of pytest and Locust

## pytest

[Test your app with pytest](../how-to/pytest.md) explains the fixtures. An option of the table `[tool.wsproof]` in
pyproject.toml applies here as well.

"""
LOCUST = """\
## Locust

[Locust](../how-to/locust.md) takes these options where a locustfile has users of wsproof.

"""


def pytest_page() -> str:
    """The options that the pytest plugin and Locust users add, with their prefix."""
    pytest_options = options_in(PytestOptions)
    of_pytest = _table((name, pytest_options[name]) for name in IN_PYTEST)
    return INTRODUCTION + of_pytest + "\n" + LOCUST + _table(options_in(LocustOptions).items())


def _table(options: Iterable[tuple[str, Option]]) -> str:
    return markdown_table(["option", "meaning"], [_row(name, option) for name, option in options])


def _row(name: str, option: Option) -> list[str]:
    flags, keywords = option.arguments(name, PREFIX)
    value = option.metavar or ("" if isinstance(option.default, bool) else "VALUE")
    return ["<br>".join(code(f"{flag} {value}".strip()) for flag in flags), plain(keywords["help"])]
