"""Makes text from a server safe to display.

A server under test may send anything: terminal escapes, characters that change the writing direction, NUL, lone
surrogates. All output for people passes through here first. The escaping of each format (HTML, XML, Markdown) follows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1: terminal control
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # invisible, or changes the writing direction
    "\ud800-\udfff\ufffe\uffff\ufff9-\ufffb"  # cannot be encoded, or not allowed in XML
    "\U000e0000-\U000e007f]"  # tags: invisible text
)
"""Characters that must not reach a terminal or a page."""
BREAKS = re.compile(r"[\t\n]")
"""Tabs and line breaks."""
SPECIAL_MARKDOWN = re.compile(r"([\\`*_{}\[\]!|<>~&$])")
"""Characters with a meaning in Markdown."""
LINKING = re.compile(r"(@|#|:(?=//)|www(?=\.))", re.IGNORECASE)
"""Places that GitHub turns into links and mentions."""


def clean(text: str) -> str:
    r"""`text` with every unsafe character written as an escape (`\x1b`). Tabs and newlines stay."""
    return UNSAFE.sub(_spelled, text)


def clean_line(text: str) -> str:
    """Like `clean`, on one line: tabs and newlines become escapes as well."""
    return BREAKS.sub(_spelled, clean(text))


def markdown_text(text: str) -> str:
    """`text` as plain words in Markdown: no markup, table cell, HTML, link or @mention."""
    return LINKING.sub("\\1\u200b", SPECIAL_MARKDOWN.sub(r"\\\1", clean_line(text)))


def markdown_row(cells: Iterable[str]) -> str:
    """One row of a table. The cells must be Markdown already."""
    return f"| {' | '.join(cells)} |"


def markdown_code(text: str) -> str:
    """`text` as a fenced block that backticks in the text cannot end."""
    body = clean(text)
    longest = max((len(run) for run in re.findall("`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{body}\n{fence}"


def _spelled(match: re.Match[str]) -> str:
    char = match.group()
    code = ord(char)
    if char in "\t\n\r":
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[char]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
