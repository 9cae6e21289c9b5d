"""Recognises the change of a text by a server, from the beginnings of the sent and of the received text."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from html import escape
from itertools import takewhile
from typing import Literal, TypeAlias

Form: TypeAlias = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
"""The normalization forms of Unicode (Unicode Standard Annex 15)."""
UNSURE = 4
"""Characters at the end of an excerpt that are not compared: they may depend on the text after it."""


@dataclass(frozen=True)
class TextChange:
    """What a server did to a text: a sentence, and whether readers see the same text as before."""

    in_words: str
    keeps_meaning: bool = False


def text_change(expected: str, received: str, at: int) -> TextChange | None:
    """The usual change that explains how these excerpts differ, which begin at character `at`; None if none does."""
    if len(received) < len(expected) and expected.startswith(received):
        return TextChange(f" So the server cut it off after {at + len(received)} characters.")
    if _agree(expected, received):
        return None  # they differ at the end only
    if change := _harmless_change(expected, received, at):
        return TextChange(f" So the server {change}.", keeps_meaning=True)
    if any(_agree(escape(expected, quote=quote), received) for quote in (False, True)):
        return TextChange(
            " So the server escapes texts for HTML before it sends them: escape them where they are shown."
        )
    return None


def _harmless_change(expected: str, received: str, at: int) -> str:
    """The usual change, as a predicate, after which readers see the same text; empty if none explains the difference.

    White space at the end of a text is not stripped, because the envelope follows it.
    """
    strips = "strips white space at the beginning of texts"
    if at == 0 and _is_stripped(expected, received):
        return strips
    for form in FORMS:
        normalized = unicodedata.normalize(form, expected)
        if _agree(normalized, received):
            return f"normalizes texts (Unicode {form})"
        if at == 0 and _is_stripped(normalized, received):
            return f"{strips}, and normalizes them (Unicode {form})"
    return ""


def _is_stripped(expected: str, received: str) -> bool:
    """Whether only white space is missing at the beginning, as much as any usual language strips.

    JavaScript also strips a byte order mark, and Java all control characters of ASCII.
    """
    blanks = sum(1 for _ in takewhile(lambda char: char.isspace() or char <= " " or char == "\ufeff", expected))
    return any(_agree(expected[start:], received) for start in range(1, blanks + 1))


def _agree(expected: str, received: str) -> bool:
    """Whether two excerpts are equal as far as both are known."""
    compared = min(len(expected), len(received)) - UNSURE
    return compared > 0 and expected[:compared] == received[:compared]
