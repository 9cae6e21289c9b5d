"""Compares a received message with its publication, and finds publications in messages of unknown format."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from wsproof.model.envelope import find_envelope
from wsproof.model.history import Damage, Part, UnexpectedMessage
from wsproof.workloads.base import Parsed

SHOWN = 60
"""Characters of a text that are kept as evidence."""
BEFORE = 20
"""Number of these characters before the first difference."""


def damage_of(parsed: Parsed, key: tuple[int, int], name: str, sent: Sequence[str] = ()) -> Damage | None:
    """Describe how a received message differs from the publication with this key; None if they are equal.

    `sent` holds the forms in which the text may arrive: alone, and as the whole message. It is empty if they are no
    longer known.
    """
    if parsed.envelope is None or not parsed.envelope.intact:
        return damaged_text(parsed.text, key, sent)
    if parsed.publisher is None or parsed.publisher == name:
        return None
    return Damage(*key, Part.SPEAKER, name, parsed.publisher)


def damaged_text(received: str, key: tuple[int, int], sent: Sequence[str]) -> Damage:
    """The received text next to the sent one."""
    if not sent:
        return Damage(*key, Part.TEXT, "", received[:SHOWN])
    expected = max(sent, key=lambda text: _common_prefix(text, received))
    at = max(_common_prefix(expected, received) - BEFORE, 0)
    return Damage(*key, Part.TEXT, expected[at : at + SHOWN], received[at : at + SHOWN], at)


def _common_prefix(text: str, other: str) -> int:
    """The length of the common prefix of two texts."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(text, other, strict=False)))


def unplaced(parsed: Parsed, message: str | bytes, member: int, at_ns: int, first: int) -> UnexpectedMessage:
    """The history entry of a message that the workload cannot classify, with the publication found in it.

    `first` is the number of member 0 in envelopes.
    """
    shown = message if isinstance(message, str) else repr(message)
    payload = message.encode(errors="surrogatepass") if isinstance(message, str) else message
    opened = find_envelope(payload)
    if opened is None:
        return UnexpectedMessage(member, at_ns, parsed.text or shown)
    publisher = opened.envelope.publisher - first
    return UnexpectedMessage(member, at_ns, parsed.text or shown, publisher, opened.envelope.sequence)
