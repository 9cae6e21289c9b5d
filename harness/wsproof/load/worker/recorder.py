"""What a worker writes down. On the hot path: three numbers per receipt, no object.

A broadcast is the same bytes for everybody. So a frame is understood once (envelope opened, checksum verified, words of
the server in front of it judged by the workload) and gets a number; whoever receives the same bytes again gets the
same number by one dictionary look-up. That is no weaker than to verify each checksum: equal bytes have equal checksums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from wsproof.load.files.columns import JOURNAL, Journal, RowFile, table_path
from wsproof.model.contract import Audience, Contract
from wsproof.model.history import Damage, Departure, Kind, Outcome
from wsproof.model.member_ids import MemberIds
from wsproof.model.plan import Phase
from wsproof.wire import Breach
from wsproof.workloads import MessageKind, Workload
from wsproof.workloads.damage import damage_of

UNSEALED = -1
"""The kind of a message that is no receipt by itself: its text is in the journal, and is read after the run."""
FOREIGN = -2
"""The kind of a publication of another run: nothing to us."""

_KNOWN_AT_MOST = 65_536
_KNOWN_BYTES = 64 * 1024 * 1024
"""Frames are forgotten beyond either. Few would be cheap only where all members read at one pace: where one is
thousands of messages ahead of the others, what it has made us forget is understood anew for each of them."""
_DAMAGE_AT_MOST = 100
_KINDS = {MessageKind.REPLY: Kind.REPLY, MessageKind.DELIVERY: Kind.DELIVERY}


class WorkerRecorder:
    """The record of one worker."""

    def __init__(self, folder: Path, worker: int, workload: Workload, share: MemberIds | None = None) -> None:
        self.workload = workload
        self._share = share or MemberIds()
        self.known: dict[bytes, int] = {}
        """Frames, header included, and their numbers: a text and a binary of the same bytes are two things."""
        self.lengths: set[int] = set()
        """How long they are."""
        self._known_bytes = 0
        self.kinds: list[int] = []
        self.keys: dict[int, tuple[int, int]] | None = None
        """Publisher and sequence of messages by their number, where somebody wants them and forgets them again."""
        self.first_kind = kind_of_first_receipt(workload.contract)
        self._publications = RowFile(table_path(folder, worker, "publications"))
        self._messages = RowFile(table_path(folder, worker, "messages"))
        self._receipts = RowFile(table_path(folder, worker, "receipts"))
        self._pulse = RowFile(table_path(folder, worker, "pulse"))
        self._turns = RowFile(table_path(folder, worker, "turns"))
        self._journal = Journal(table_path(folder, worker, JOURNAL))
        self._names: dict[int, str] = {}
        self._damaged = 0
        self.rows = self._receipts.rows
        self.received: Callable[[Sequence[int]], None] = self.rows.extend
        """`received((member, message, at_ns))`, or several such rows one after the other: the hot path."""
        self.turned: Callable[[tuple[int, int, int]], None] = self._turns.rows.extend
        """`turned((began_ns, ended_ns, waited_ns))`: a turn of the loop that may have stamped late."""

    def learn(self, member: int, frame: bytes, payload: bytes, is_text: bool) -> int:
        """Understand a frame that was not seen before and return its number. UnicodeDecodeError for a broken text."""
        text = payload.decode() if is_text else payload
        reading = self.workload.read(member, text)
        number = len(self.kinds)
        opened = reading.opened
        if opened is None or reading.word not in _KINDS:
            kind = Kind.TICK if reading.word is MessageKind.TICK else UNSEALED
            self._messages.rows.extend((-1, -1, 0, kind, 1))
            words = {"text": text} if isinstance(text, str) else {"hex": text.hex()}
            self._journal.note("message", number=number, **words)
        else:
            kind = _KINDS[reading.word]
            envelope = opened.envelope
            publisher = envelope.publisher - self._share.first
            # A damaged envelope may name anybody: only an intact one tells that it is not ours.
            if opened.intact and self._share.is_strangers(publisher):
                kind = FOREIGN
            damage = damage_of(reading, (publisher, envelope.sequence), self._name_of(publisher))
            intact = damage is None
            if damage is not None and kind != FOREIGN:
                self._note_damage(damage)
            # Damaged digits may be any number; columns hold 63 bits.
            intended_ns = min(envelope.intended_ns, (1 << 63) - 1)
            if self.keys is not None:
                self.keys[number] = (publisher, envelope.sequence)
            self._messages.rows.extend((publisher, envelope.sequence, intended_ns, kind, intact))
        self.kinds.append(kind)
        if len(self.known) >= _KNOWN_AT_MOST or self._known_bytes + len(frame) > _KNOWN_BYTES:
            self.known.clear()
            self.lengths.clear()
            self._known_bytes = 0
        self.known[frame] = number
        self.lengths.add(len(frame))
        self._known_bytes += len(frame)
        return number

    def _name_of(self, publisher: int) -> str:
        name = self._names.get(publisher)
        if name is None:
            name = self._names[publisher] = self.workload.name_of(publisher)
        return name

    def _note_damage(self, damage: Damage) -> None:
        """Keep what differs, of the first few: they are evidence, and may be as many as the messages."""
        self._damaged += 1
        if self._damaged <= _DAMAGE_AT_MOST:
            self._journal.note("damage", **asdict(damage))

    def published(self, publisher: int, sequence: int, intended_ns: int, sent_ns: int, phase: Phase) -> None:
        """A publication was handed to its connection, or could not be (`sent_ns` 0)."""
        outcome = Outcome.OK if sent_ns else Outcome.FAILED
        self._publications.rows.extend((publisher, sequence, intended_ns, sent_ns, phase, outcome))

    def opened(self, member: int, connect_ns: int, connected_ns: int, *, deflated: bool = False) -> None:
        """A member's connection is open. `deflated`: the server has agreed to compress."""
        self._journal.note("open", member=member, connect_ns=connect_ns, connected_ns=connected_ns, deflated=deflated)

    def left(self, member: int, at_ns: int, departure: Departure, close_code: int | None, why: str = "") -> None:
        """A member's connection has ended, or never opened."""
        self._journal.note("left", member=member, at_ns=at_ns, departure=int(departure), code=close_code, why=why)

    def breach(self, member: int, found: Breach) -> None:
        """The server broke the protocol on this connection."""
        self._journal.note(
            "breach",
            member=member,
            rule=found.rule,
            section=found.section,
            level=found.level,
            sentence=found.sentence,
            evidence=found.evidence,
        )

    def strange(self, member: int, at_ns: int, text: str) -> None:
        """Something came that is no message of the workload."""
        self._journal.note("strange", member=member, at_ns=at_ns, text=text)

    def pulse(self, at_ns: int, cpu_ns: int, lag_ns: int) -> None:
        """The worker on itself."""
        self._pulse.rows.extend((at_ns, cpu_ns, lag_ns))

    def settle(self) -> None:
        """Write what has come. Messages first: a receipt must not point to one that is not there."""
        for file in self._files():
            file.settle()

    def close(self) -> None:
        """Write the rest; nothing may be recorded afterwards."""
        for file in self._files():
            file.close()

    def _files(self) -> tuple[RowFile | Journal, ...]:
        return (self._journal, self._messages, self._publications, self._receipts, self._pulse, self._turns)


def kind_of_first_receipt(contract: Contract) -> Kind:
    """What shows that a member is in: a delivery, or what else the channel has for it."""
    if contract.feed is not None:
        return Kind.TICK
    return Kind.REPLY if contract.audience is Audience.NOBODY else Kind.DELIVERY
