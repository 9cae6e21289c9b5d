"""Tests of the built site: no warning, nothing from other hosts, and every name of the code."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from documentation.linked_pages import DOCS, LINKED_PAGES, ROOT
from documentation.pages import generated_pages
from wsproof.cli.parser import VERBS
from wsproof.errors import ExitCode
from wsproof.report.formats.json_documents import SCHEMAS
from wsproof.session.option import options_in

LOADED = re.compile(r"<(?:script|img|iframe|link)\b[^>]*?\b(?:src|href)=\"?((?:https?:)?//[^\" >]*)")
"""Addresses of other hosts that a browser loads with a page. `<a>` is not loaded."""

TAGS = {
    "list_item_open": "li",
    "table_open": "table",
    "tr_open": "tr",
    "td_open": "td",
    "heading_open": "h",
    "fence": "pre",
    "code_block": "pre",
}
"""The tag of each kind of token."""
HAND_WRITTEN = {path.relative_to(DOCS).as_posix(): path for path in DOCS.rglob("*.md")} | {
    page: ROOT / source for page, source in LINKED_PAGES.items()
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def words_of(page: Path) -> str:
    return html.unescape(re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8")))


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 50
    loaded = {address for page in pages for address in LOADED.findall(page.read_text(encoding="utf-8"))}
    assert loaded == set()


@pytest.mark.parametrize("name", VERBS)
def test_the_page_of_a_command_has_all_its_options(site: Path, name: str) -> None:
    words = words_of(site / "reference" / "commands" / name / "index.html")
    options = options_in(VERBS[name].options)
    flags = [flag for key, made in options.items() if not made.positional for flag in made.arguments(key)[0]]
    assert [flag for flag in flags if flag not in words] == []


def test_the_other_generated_pages_name_everything(site: Path) -> None:
    from wsproof.checks import CHECKS
    from wsproof.conformance import RULES
    from wsproof.delivery import CHANNEL_CHECKS
    from wsproof.stats.metrics import METRICS

    names = {
        "checks": [*(rule.id for rule in RULES), *(check.name for check in (*CHANNEL_CHECKS, *CHECKS))],
        "metrics": [metric.name for metric in METRICS],
        "schemas": list(SCHEMAS),
        "exit-codes": [str(int(code)) for code in ExitCode],
    }
    for page, expected in names.items():
        words = words_of(site / "reference" / page / "index.html")
        assert [name for name in expected if name not in words] == []


def test_every_schema_can_be_downloaded(site: Path) -> None:
    assert {path.name for path in (site / "reference" / "schemas").glob("*.json")} == set(SCHEMAS.values())


def test_every_linked_page_exists_and_no_page_is_kept_twice() -> None:
    assert [source for source in LINKED_PAGES.values() if not (ROOT / source).is_file()] == []
    own = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert own & (set(LINKED_PAGES) | set(generated_pages())) == set()


@pytest.mark.parametrize("page", sorted(HAND_WRITTEN))
def test_a_page_has_the_same_parts_as_on_a_code_host(site: Path, page: str) -> None:
    """MkDocs reads another dialect of Markdown. A list without an empty line before it would be a paragraph there."""
    name = page.removesuffix(".md").removesuffix("index")
    text = (site / name / "index.html").read_text(encoding="utf-8")
    article = text[text.index("<article") : text.index("</article>")]
    tokens = MarkdownIt("commonmark").enable("table").parse(HAND_WRITTEN[page].read_text(encoding="utf-8"))
    expected = Counter(TAGS[token.type] for token in tokens if token.type in TAGS)
    actual = Counter(re.sub(r"\d", "", tag) for tag in re.findall(r"<(li|table|tr|td|h[1-6]|pre)\b", article))
    assert actual == expected
