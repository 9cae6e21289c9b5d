"""Makes what a server sent harmless to look at.

A server under test may send anything: terminal escapes that repaint the screen, characters that turn the direction of
writing, NUL, lone surrogates. Everything that leaves for a person passes through here first; the escaping of each
format (HTML, XML, Markdown) comes after.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1: what a terminal obeys
    "\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # invisible, or changes the direction of what follows
    "\ud800-\udfff\ufffe\uffff\ufff9-\ufffb"  # cannot be encoded, or not allowed in XML
    "\U000e0000-\U000e007f]"  # tags: invisible text
)
BREAKS = re.compile(r"[\t\n]")
SPECIAL_MARKDOWN = re.compile(r"([\\`*_{}\[\]!|<>~&$])")
LINKING = re.compile(r"(@|#|:(?=//)|www(?=\.))", re.IGNORECASE)


def clean(text: str) -> str:
    """`text` with every unsafe character spelled out (`\\x1b`). Tabs and newlines stay."""
    return UNSAFE.sub(_spelled, text)


def clean_line(text: str) -> str:
    """As `clean`, and on one line: tabs and newlines are spelled out too."""
    return BREAKS.sub(_spelled, clean(text))


def markdown_text(text: str) -> str:
    """`text` as plain words inside Markdown: no markup, table cell, HTML or link, and nobody notified by an @."""
    return LINKING.sub("\\1\u200b", SPECIAL_MARKDOWN.sub(r"\\\1", clean_line(text)))


def markdown_row(cells: Iterable[str]) -> str:
    """One row of a table. The cells are Markdown already: what others wrote is escaped before."""
    return f"| {' | '.join(cells)} |"


def markdown_code(text: str) -> str:
    """`text` as a fenced block that its own backticks cannot end."""
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
