"""Tests of the translation of links, and of tables."""

from __future__ import annotations

import pytest

from documentation.links import site_links
from documentation.markdown_table import code, markdown_table, plain

PATHS = {"docs/how-to/ci.md": "how-to/ci.md", "README.md": "index.md", "reports/page.png": "reports/page.png"}


def translated(markdown: str, source: str = "docs/how-to/pytest.md", page: str = "how-to/pytest.md") -> str:
    return site_links(markdown, source, page, PATHS, missing.append)


missing: list[str] = []


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("[CI](ci.md#docker)", "[CI](ci.md#docker)"),
        ("[home](../../README.md#limits)", "[home](../index.md#limits)"),
        ("![a page](../../reports/page.png)", "![a page](../reports/page.png)"),
        ("[`hub.py`](../../target_app/hub.py)", "`hub.py`"),
        ("[the hub](../../target_app/hub.py)", "the hub (`target_app/hub.py`)"),
        ("[target_app/hub.py](../../target_app/hub.py)", "target_app/hub.py"),
        ("[RFC](https://rfc-editor.org/rfc6455#5)", "[RFC](https://rfc-editor.org/rfc6455#5)"),
        ("[below](#the-end)", "[below](#the-end)"),
        ("```python\nlines[0](ci.md)\n```\n", "```python\nlines[0](ci.md)\n```\n"),
    ],
)
def test_a_link_leads_to_the_page_of_the_site(link: str, expected: str) -> None:
    assert translated(link) == expected


def test_a_page_that_is_kept_elsewhere_has_its_own_links() -> None:
    assert translated("[CI](docs/how-to/ci.md)", "README.md", "index.md") == "[CI](how-to/ci.md)"


def test_a_path_that_is_no_page_is_reported() -> None:
    missing.clear()
    translated("[gone](gone.md)")
    assert missing == ["docs/how-to/gone.md"]


def test_cells_show_text_as_it_is() -> None:
    table = markdown_table(["option", "meaning"], [[code("--a A|B"), plain("*x* <b> | `c_d` e_f\n  g")]])
    assert table.splitlines()[2] == "| `--a A\\|B` | \\*x\\* &lt;b> \\| `c_d` e\\_f g |"
