"""What was heard, understood once: a broadcast is the same bytes for everybody."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsproof.model.history import Damage, Kind, Receipts
from wsproof.workloads import MessageKind, Parsed, Workload
from wsproof.workloads.damage import damage_of

KNOWN_AT_MOST = 16_384
DAMAGE_AT_MOST = 100
KINDS = {MessageKind.REPLY: Kind.REPLY, MessageKind.DELIVERY: Kind.DELIVERY}


@dataclass(slots=True)
class ReceivedMessage:
    """A message of the server. `publisher` is a member of ours, -1 where it is not; `waiting`: who still misses it."""

    number: int
    reading: Parsed
    size_bytes: int
    kind: Kind | None
    """DELIVERY or REPLY of one of our publications; None for all else."""
    publisher: int
    sequence: int
    intended_ns: int
    intact: bool
    is_foreign: bool
    """A publication of another process, or of an earlier test: not ours to judge."""
    text: str | bytes = ""
    """What came, where it is no publication of ours."""
    waiting: set[int] | None = None
    sent_ns: int = -1
    """When the publication left; -1 where nothing intact of ours did."""


class MessageCache:
    """The messages of a room, by the bytes of their frames, and who received which when.

    Equal bytes have equal checksums, so to look a frame up is no weaker than to verify each receipt.
    """

    def __init__(self, workload: Workload, first_publisher: int, members: Callable[[], int]) -> None:
        self.workload = workload
        self.first_publisher = first_publisher
        self.known: dict[bytes, ReceivedMessage] = {}
        self.damage: list[Damage] = []
        """What differs in damaged messages, of the first few."""
        self._members = members
        self._table = array("q")
        self._rows = array("q")
        self.received = self._rows.extend
        """`received((member, message number, at_ns))`: the hot path."""

    def learn(self, member: int, frame: bytes, payload: bytes, is_text: bool) -> ReceivedMessage:
        """Understand a frame that was not seen before. UnicodeDecodeError for a text that is none."""
        text = payload.decode() if is_text else payload
        message = self._understand(self.workload.read(member, text), len(payload))
        if message.kind is None:
            message.text = text
        if len(self.known) >= KNOWN_AT_MOST:
            self.known.clear()
        self.known[frame] = message
        return message

    def _understand(self, reading: Parsed, size_bytes: int) -> ReceivedMessage:
        opened = reading.opened
        kind = KINDS.get(reading.word)
        if opened is None or kind is None:
            return ReceivedMessage(-1, reading, size_bytes, None, -1, 0, 0, False, False)
        envelope = opened.envelope
        publisher = envelope.publisher - self.first_publisher
        # A damaged envelope may name anybody: only an intact one tells that it is not ours.
        if opened.intact and not 0 <= publisher < self._members():
            return ReceivedMessage(-1, reading, size_bytes, None, -1, 0, 0, True, True)
        damage = damage_of(reading, (publisher, envelope.sequence), self.workload.name_of(publisher))
        intact = damage is None
        if damage is not None and len(self.damage) < DAMAGE_AT_MOST:
            self.damage.append(damage)
        # Damaged digits may be any number; columns hold 63 bits.
        intended_ns = min(envelope.intended_ns, (1 << 63) - 1)
        number = len(self._table) // 5
        self._table.extend((publisher, envelope.sequence, intended_ns, kind, intact))
        return ReceivedMessage(
            number, reading, size_bytes, kind, publisher, envelope.sequence, intended_ns, intact, False
        )

    def receipts(self) -> Receipts:
        """All receipts of our publications so far, in the order in which they were read."""
        member, number, received_ns = np.array(self._rows, dtype=np.int64).reshape(-1, 3).T
        publisher, sequence, intended_ns, kind, intact = self._table_rows()[number].T
        return Receipts(member, publisher, sequence, intended_ns, received_ns, kind, intact)

    def _table_rows(self) -> NDArray[np.int64]:
        return np.array(self._table, dtype=np.int64).reshape(-1, 5)
