"""Tests that channel files with the older names still work."""

from __future__ import annotations

from wsproof import Envelope, MessageKind, Parsed, open_envelope
from wsproof.workloads import Reading, Word


def test_the_older_names_of_kinds_are_the_same_kinds() -> None:
    assert Word is MessageKind
    assert (Word["ASIDE"], Word["STRANGE"]) == (MessageKind.IGNORED, MessageKind.UNEXPECTED)


def test_a_parsed_message_takes_the_older_keywords() -> None:
    opened = open_envelope(Envelope(1, 2, 3).seal("hello"))
    parsed = Reading(Word.DELIVERY, opened, speaker="ann", text="hello")
    assert parsed == Parsed(MessageKind.DELIVERY, opened, publisher="ann", text="hello")
    assert Reading(Word.LEAVE, about="ann") == Parsed(MessageKind.LEAVE, member="ann")
