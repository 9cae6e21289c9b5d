"""Tests of the names of changes that servers make to texts."""

from __future__ import annotations

import pytest

from wsproof.checks.text_changes import text_change

TRAILER = "~w10000000d00000001000000030000353dc475831a5b6946"


@pytest.mark.parametrize(
    ("expected", "got", "at", "words", "keeps_meaning"),
    [
        ("a long text" + "x" * 49, "a long text" + "x" * 9, 4_076, "cut it off after 4096 characters", False),
        ("e\u0301 is not \xe9" + TRAILER, "\xe9 is not \xe9" + TRAILER, 0, "normalizes texts (Unicode NFC)", True),
        ("<b>bold</b>" + TRAILER, "&lt;b&gt;bold&lt;/b&gt;" + TRAILER, 0, "escapes texts for HTML", False),
        ("\n" + TRAILER, TRAILER, 0, "strips white space at the beginning", True),
        ("\te\u0301" + TRAILER, "\xe9" + TRAILER, 0, "beginning of texts, and normalizes them (Unicode NFC)", True),
    ],
    ids=["cut off", "normalized", "escaped", "stripped", "stripped and normalized"],
)
def test_a_usual_change_is_named(expected: str, got: str, at: int, words: str, keeps_meaning: bool) -> None:
    change = text_change(expected, got, at)
    assert change is not None
    assert words in change.in_words
    assert change.keeps_meaning == keeps_meaning


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("\ufeffwith a mark" + TRAILER, "with a mark" + TRAILER),
        (" \x1fhello" + TRAILER, "\x1fhello" + TRAILER),
        ("\0" + TRAILER, TRAILER),
    ],
    ids=["JavaScript, a byte order mark", "JavaScript, before a control character", "Java, a control character"],
)
def test_languages_strip_different_characters(expected: str, got: str) -> None:
    change = text_change(expected, got, 0)
    assert change is not None
    assert change.keeps_meaning
    assert "strips white space at the beginning" in change.in_words


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("hello" + TRAILER, "hallo" + TRAILER),
        ("hello" + TRAILER, "hello" + TRAILER[:-1] + "?"),
        (" hello" + TRAILER, "ello" + TRAILER),
    ],
    ids=["one letter", "the last letter", "white space and a letter"],
)
def test_no_other_change_is_named(expected: str, got: str) -> None:
    assert text_change(expected, got, 0) is None
