"""Recognises the change of a text by a server, from the beginnings of the sent and of the received text."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from html import escape
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
    for form in FORMS:
        if _agree(unicodedata.normalize(form, expected), received):
            return TextChange(f" So the server normalizes texts (Unicode {form}).", keeps_meaning=True)
    if any(_agree(escape(expected, quote=quote), received) for quote in (False, True)):
        return TextChange(
            " So the server escapes texts for HTML before it sends them: escape them where they are shown."
        )
    if at == 0 and expected != expected.lstrip() and _agree(expected.lstrip(), received):
        return TextChange(" So the server strips white space at the beginning of texts.", keeps_meaning=True)
    return None


def _agree(expected: str, received: str) -> bool:
    """Whether two excerpts are equal as far as both are known."""
    compared = min(len(expected), len(received)) - UNSURE
    return compared > 0 and expected[:compared] == received[:compared]
