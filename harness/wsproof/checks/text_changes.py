"""Recognises the change of a text by a server, from the beginnings of the sent and of the received text."""

from __future__ import annotations

import unicodedata
from html import escape
from typing import Literal, TypeAlias

Form: TypeAlias = Literal["NFC", "NFD", "NFKC", "NFKD"]
FORMS: tuple[Form, ...] = ("NFC", "NFD", "NFKC", "NFKD")
"""The normalization forms of Unicode (Unicode Standard Annex 15)."""
UNSURE = 4
"""Characters at the end of an excerpt that are not compared: they may depend on the text after it."""


def change_in_words(expected: str, got: str, at: int) -> str:
    """A sentence on how these excerpts, which begin at character `at`, differ; empty if no usual change explains it."""
    if len(got) < len(expected) and expected.startswith(got):
        return f" So the server cut it off after {at + len(got)} characters."
    if _agree(expected, got):
        return ""  # they differ at the end only
    for form in FORMS:
        if _agree(unicodedata.normalize(form, expected), got):
            return f" So the server normalizes texts (Unicode {form})."
    if any(_agree(escape(expected, quote=quote), got) for quote in (False, True)):
        return " So the server escapes texts for HTML before it sends them: escape them where they are shown."
    if at == 0 and expected != expected.lstrip() and _agree(expected.lstrip(), got):
        return " So the server strips white space at the beginning of texts."
    return ""


def _agree(one: str, other: str) -> bool:
    """Whether two excerpts are equal as far as both are known."""
    known = min(len(one), len(other)) - UNSURE
    return known > 0 and one[:known] == other[:known]
