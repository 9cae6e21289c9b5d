"""What differs between a publication and what was received of it, and which publication an unplaced message carries."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from wsproof.model.envelope import find_envelope
from wsproof.model.history import Damage, Part, UnexpectedMessage
from wsproof.workloads.base import Parsed

SHOWN = 60
"""Characters of a text that are kept as evidence."""
BEFORE = 20
"""Of these, how many stand before the first difference."""


def damage_of(reading: Parsed, key: tuple[int, int], name: str, sent: Sequence[str] = ()) -> Damage | None:
    """What differs from the publication with this key, whose publisher has this name; None where nothing does.

    `sent` is what was sent, in the forms in which it may come out: the text alone, and the whole message. It is empty
    where it is not known any more.
    """
    if reading.opened is None or not reading.opened.intact:
        return damaged_text(reading.text, key, sent)
    if reading.speaker is None or reading.speaker == name:
        return None
    return Damage(*key, Part.SPEAKER, name, reading.speaker)


def damaged_text(got: str, key: tuple[int, int], sent: Sequence[str]) -> Damage:
    """What arrived of a text, beside what was sent."""
    if not sent:
        return Damage(*key, Part.TEXT, "", got[:SHOWN])
    expected = max(sent, key=lambda one: _alike(one, got))
    at = max(_alike(expected, got) - BEFORE, 0)
    return Damage(*key, Part.TEXT, expected[at : at + SHOWN], got[at : at + SHOWN], at)


def _alike(one: str, other: str) -> int:
    """How many characters two texts have in common at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def unplaced(reading: Parsed, message: str | bytes, member: int, at_ns: int, first: int) -> UnexpectedMessage:
    """A message that the workload cannot place, with the publication that it carries.

    `first` is the number that member 0 has in envelopes.
    """
    shown = message if isinstance(message, str) else repr(message)
    payload = message.encode(errors="surrogatepass") if isinstance(message, str) else message
    opened = find_envelope(payload)
    if opened is None:
        return UnexpectedMessage(member, at_ns, reading.text or shown)
    publisher = opened.envelope.publisher - first
    return UnexpectedMessage(member, at_ns, reading.text or shown, publisher, opened.envelope.sequence)
