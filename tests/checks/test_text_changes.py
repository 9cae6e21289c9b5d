"""Tests of the names of changes that servers make to texts."""

from __future__ import annotations

import pytest

from wsproof.checks.text_changes import change_in_words

TRAILER = "~w10000000d00000001000000030000353dc475831a5b6946"


@pytest.mark.parametrize(
    ("expected", "got", "at", "words"),
    [
        ("a long text" + "x" * 49, "a long text" + "x" * 9, 4_076, "cut it off after 4096 characters"),
        ("e\u0301 is not \xe9" + TRAILER, "\xe9 is not \xe9" + TRAILER, 0, "normalizes texts (Unicode NFC)"),
        ("<b>bold</b>" + TRAILER, "&lt;b&gt;bold&lt;/b&gt;" + TRAILER, 0, "escapes texts for HTML"),
        ("\n" + TRAILER, TRAILER, 0, "strips white space at the beginning"),
        ("hello" + TRAILER, "hallo" + TRAILER, 0, ""),
        ("hello" + TRAILER, "hello" + TRAILER[:-1] + "?", 0, ""),
    ],
    ids=["cut off", "normalized", "escaped", "stripped", "one letter", "the last letter"],
)
def test_a_usual_change_is_named_and_any_other_change_is_not(expected: str, got: str, at: int, words: str) -> None:
    told = change_in_words(expected, got, at)
    assert words in told if words else not told
