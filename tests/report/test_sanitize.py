"""Tests that server text cannot control a terminal, hide, or break the format of an output."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from wsproof.report.text.sanitize import clean, clean_line, markdown_code, markdown_text

ANY = st.text(st.characters())


@given(ANY)
def test_cleaned_text_has_no_control_format_or_surrogate_characters(text: str) -> None:
    left = {char for char in clean(text) if unicodedata.category(char) in ("Cc", "Cs") and char not in "\t\n"}
    assert not left
    clean(text).encode()
    assert clean_line(text).splitlines() in ([], [clean_line(text)])


@given(st.text(st.characters(categories=["L", "N", "P", "Zs", "S"])))
def test_ordinary_text_is_unchanged(text: str) -> None:
    assert clean(text) == text


def test_unsafe_characters_are_shown_escaped() -> None:
    assert clean_line("\x1b[2J\x00\u202e\ud800\n") == r"\x1b[2J\x00\u202e\ud800\n"


@given(ANY)
def test_a_fenced_block_cannot_be_ended_from_inside(text: str) -> None:
    first, *middle, last = markdown_code(text).split("\n")
    assert set(last) == {"`"}
    assert not any(line.strip().startswith(last) for line in middle)
    assert first == f"{last}text"


def test_markdown_text_holds_no_markup_mention_or_link() -> None:
    cleaned = markdown_text("<b>|x| [a](http://e.example) @team #12 `code` www.e.example")
    for markup in ("<b>", "|x", "[a](", "://", "@team", "#12", "www.e"):
        assert markup not in cleaned.replace("\\<", "{").replace("\\|", "{").replace("\\[", "{")
