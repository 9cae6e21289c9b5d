"""The publication in a received message, as the load engine and Locust record it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wsproof.model.history import Damage, Kind
from wsproof.workloads.base import MessageKind, Parsed
from wsproof.workloads.damage import damage_of

PUBLICATION_KINDS = {MessageKind.REPLY: Kind.REPLY, MessageKind.DELIVERY: Kind.DELIVERY}
"""The kinds of messages that carry a publication, and the kinds of their receipts."""
LARGEST = (1 << 63) - 1
"""Largest number of a column. The digits of a damaged envelope may form a larger one."""


@dataclass(frozen=True, slots=True)
class ReceivedPublication:
    """The publication in a received message. `publisher` is counted from our first member."""

    kind: Kind
    publisher: int
    sequence: int
    intended_ns: int
    is_foreign: bool
    """Whether another run published it."""
    damage: Damage | None
    """The difference from what was published; None if there is none, and for a foreign publication."""


def publication_in(
    parsed: Parsed, first: int, is_foreign: Callable[[int], bool], name_of: Callable[[int], str]
) -> ReceivedPublication | None:
    """The publication in a message; None if the message has none.

    `first` is the number of our first member in envelopes. `is_foreign` says whether a publisher is none of ours.
    """
    opened, kind = parsed.envelope, PUBLICATION_KINDS.get(parsed.kind)
    if opened is None or kind is None:
        return None
    envelope = opened.envelope
    publisher = envelope.publisher - first
    intended_ns = min(envelope.intended_ns, LARGEST)
    # A damaged envelope may name any publisher. Only an intact one proves that the message is not ours.
    if opened.intact and is_foreign(publisher):
        return ReceivedPublication(kind, publisher, envelope.sequence, intended_ns, True, None)
    damage = damage_of(parsed, (publisher, envelope.sequence), name_of(publisher))
    return ReceivedPublication(kind, publisher, envelope.sequence, intended_ns, False, damage)
