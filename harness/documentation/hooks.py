"""Hooks of MkDocs: add the generated and the linked pages, and translate links. mkdocs.yml names this file."""

from __future__ import annotations

import logging
from functools import partial
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from documentation.commands_pages import commands_pages
from documentation.linked_pages import ASSETS, LINKED_PAGES, ROOT, site_paths
from documentation.links import site_links
from documentation.pages import generated_files, generated_pages

logger = logging.getLogger("mkdocs.plugins.wsproof")
COMMANDS = "Commands"


def on_config(config: MkDocsConfig) -> None:
    """Complete the entry of the commands in the navigation."""
    (reference,) = (part["Reference"] for part in config.nav or [] if "Reference" in part)
    place = next(number for number, entry in enumerate(reference) if COMMANDS in entry)
    reference[place] = {COMMANDS: list(commands_pages())}


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages that are no files in docs/."""
    for path, text in {**generated_pages(), **generated_files()}.items():
        files.append(File.generated(config, path, content=text))
    for path in ASSETS:
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    for path, source in LINKED_PAGES.items():
        files.append(File.generated(config, path, content=(ROOT / source).read_text(encoding="utf-8")))


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str | None:
    """Translate the links of a page that is written by hand."""
    path = page.file.src_uri
    if path in generated_pages():
        return None
    source = LINKED_PAGES.get(path, f"docs/{path}")
    return site_links(markdown, source, path, site_paths(), partial(require, source))


def require(source: str, path: str) -> None:
    """Warn of a link to a file that does not exist. With --strict, a warning fails the build."""
    if not (ROOT / path).exists():
        logger.warning("%s links %s, which does not exist", source, path)
