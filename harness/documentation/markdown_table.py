"""Tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence


def markdown_table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. The cells are Markdown: pass text through `plain` and names through `code`."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def plain(text: str) -> str:
    """Text as a cell that shows it as it is. Parts in backticks stay code."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(code(part[1:-1]) if part.startswith("`") else _escaped(part) for part in parts)


def code(text: str) -> str:
    """A cell that shows the text as code."""
    return f"`{text}`".replace("|", "\\|") if text else ""


def unbroken(text: str) -> str:
    """A short text as a cell that stays in one line."""
    return plain(text).replace(" ", "&nbsp;")


def _escaped(text: str) -> str:
    return re.sub(r"([\\*_|\[\]])", r"\\\1", text.replace("&", "&amp;").replace("<", "&lt;"))
