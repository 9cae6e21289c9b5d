"""Records what a worker sends and receives. The hot path stores three numbers per receipt and no object.

A broadcast is the same bytes for every member. So the worker parses each frame once and gives it a number. Parsing
opens the envelope, verifies the checksum and lets the workload check the text that the server put in front. A member
that receives the same bytes gets the same number with one dictionary lookup. That is as strict as verifying each
checksum, because equal bytes have equal checksums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from wsproof.load.files.columns import JOURNAL, Journal, RowFile, table_path
from wsproof.model.contract import Audience, Contract
from wsproof.model.history import Damage, Departure, Kind, Outcome
from wsproof.model.member_ids import MemberIds
from wsproof.model.plan import Phase
from wsproof.net.kernel_clock import ClockStep
from wsproof.wire import Breach
from wsproof.workloads import Message, MessageKind, Workload
from wsproof.workloads.received import publication_in

if TYPE_CHECKING:
    from wsproof.load.worker._frame_reader import FrameReader

NO_ENVELOPE = -1
"""The kind of a message without envelope. Its text is in the journal and is parsed after the run."""
FOREIGN = -2
"""The kind of a publication of another run. It is ignored."""

_MOST_KNOWN_FRAMES = 65_536
_KNOWN_BYTES = 64 * 1024 * 1024
"""Bounds of the cache of known frames: a number of frames, and bytes. A smaller cache would only work if all members
read at the same pace. A member that is thousands of messages ahead would evict frames that slower members still need,
and they would be parsed again for each of these."""
_MOST_DAMAGE = 100
"""Damaged messages per worker whose details are kept."""


class WorkerRecorder:
    """The recorder of one worker."""

    def __init__(self, folder: Path, worker: int, workload: Workload, share: MemberIds | None = None) -> None:
        self.workload = workload
        self._share = share or MemberIds()
        self.known: dict[bytes, int] = {}
        """Numbers of known frames. The key includes the header, because a text and a binary message with the same bytes
        differ."""
        self.others: dict[bytes, tuple[int, ...]] = {}
        """Numbers of frames that hold several messages, or that each member must answer, by frame. They are not in
        `known`, so the fast path never sees them."""
        self.asking: dict[bytes, tuple[Message, ...]] = {}
        """The messages that each member must answer, by frame."""
        self._parts: dict[Message, tuple[int, bool]] = {}
        """The numbers of messages that came in frames with others or while a member joined, and whether to answer."""
        self._has_split = workload.has_split
        self.lengths: set[int] = set()
        """Lengths of the known frames, in bytes."""
        self._known_bytes = 0
        self.kinds: list[int] = []
        self.keys: dict[int, tuple[int, int]] | None = None
        """Publisher and sequence number by message number, for a caller that needs them and deletes them again."""
        self.first_kind = kind_of_first_receipt(workload.contract)
        self._publications = RowFile(table_path(folder, worker, "publications"))
        self._messages = RowFile(table_path(folder, worker, "messages"))
        self._receipts = RowFile(table_path(folder, worker, "receipts"))
        self._pulse = RowFile(table_path(folder, worker, "pulse"))
        self._intervals = RowFile(table_path(folder, worker, "intervals"))
        self._queues = RowFile(table_path(folder, worker, "queues"))
        self._journal = Journal(table_path(folder, worker, JOURNAL))
        self._names: dict[int, str] = {}
        self._damaged = 0
        self._compiled: FrameReader | None = None
        self.received: Callable[[Sequence[int]], None] = self._receipts.rows.extend
        """`received((member, message, at_ns))`, or several such rows one after the other: the hot path."""
        self.interval: Callable[[tuple[int, int, int, int]], None] = self._intervals.rows.extend
        """`interval((after_ns, at_ns, messages, woke_ns))`: messages whose arrival is known only within an interval.

        They are recorded at its end. `woke_ns`: see `ArrivalStamps`.
        """
        self.queued: Callable[[tuple[int, int, int]], None] = self._queues.rows.extend
        """`queued((at_ns, queued_bytes, window_bytes))`: a large read, and how much the server may send ahead."""

    def read_with(self, compiled: FrameReader) -> None:
        """Let the compiled reader record receipts of known frames."""
        self._compiled = compiled
        self._receipts.source, self._intervals.source = compiled.receipts, compiled.intervals
        for frame, number in self.known.items():
            compiled.learn(frame, number)

    def collect(self) -> None:
        """Take the receipts that the compiled reader has recorded, so that those that follow come after them."""
        self._receipts.collect()

    def unwritten_receipts(self) -> list[int]:
        """The receipts since the last `settle`: rows (member, message, at_ns), one after the other."""
        return self._receipts.unwritten()

    def learn(self, member: int, frame: bytes, payload: bytes, is_text: bool) -> tuple[int, ...]:
        """Parse a frame that is not known, and return the numbers of its messages.

        Raises:
            UnicodeDecodeError: the payload of a text frame is not UTF-8.
        """
        numbers = self.others.get(frame)
        if numbers is not None:
            return numbers
        message: Message = payload.decode() if is_text else payload
        if self._has_split:
            return self._learn_parts(member, frame, self.workload.parts_of(message))
        number, needs_answer = self._parse(member, message)
        self._make_space(len(frame))
        if needs_answer:
            self.others[frame], self.asking[frame] = (number,), (message,)
        else:
            self._remember(frame, number)
        return (number,)

    def number_new(self, member: int, frame: bytes) -> int:
        """Parse an ordinary frame that is not known. Returns its number, or -1 if it is not one message to record."""
        payload_at = 2 if frame[1] < 126 else 4
        try:
            self.learn(member, frame, frame[payload_at:], frame[0] & 0x0F == 1)
        except UnicodeDecodeError:
            return -1
        return self.known.get(frame, -1)

    def _remember(self, frame: bytes, number: int) -> None:
        self.known[frame] = number
        self.lengths.add(len(frame))
        if self._compiled is not None:
            self._compiled.learn(frame, number)

    def number_of(self, member: int, message: Message) -> int:
        """Parse a message that may have come in one frame with others, and return its number."""
        return self._part(member, message)[0]

    def _learn_parts(self, member: int, frame: bytes, parts: Sequence[Message]) -> tuple[int, ...]:
        learnt = [self._part(member, part) for part in parts]
        numbers = tuple(number for number, _ in learnt)
        asking = tuple(part for part, (_, needs_answer) in zip(parts, learnt, strict=True) if needs_answer)
        self._make_space(len(frame))
        if len(numbers) == 1 and not asking:
            self._remember(frame, numbers[0])
            return numbers
        self.others[frame] = numbers
        if asking:
            self.asking[frame] = asking
        return numbers

    def _part(self, member: int, message: Message) -> tuple[int, bool]:
        part = self._parts.get(message)
        if part is None:
            part = self._parse(member, message)
            self._make_space(len(message))
            self._parts[message] = part
        return part

    def _make_space(self, size_bytes: int) -> None:
        """Empty the cache if it is full, and count the `size_bytes` of the next entry."""
        entries = len(self.known) + len(self.others) + len(self._parts)
        if entries >= _MOST_KNOWN_FRAMES or self._known_bytes + size_bytes > _KNOWN_BYTES:
            for cache in (self.known, self.others, self.asking, self._parts, self.lengths):
                cache.clear()
            if self._compiled is not None:
                self._compiled.forget()
            self._known_bytes = 0
        self._known_bytes += size_bytes

    def _parse(self, member: int, text: Message) -> tuple[int, bool]:
        """Record a message that is not known. Returns its number, and whether each member must answer it."""
        parsed = self.workload.read(member, text)
        number = len(self.kinds)
        publication = publication_in(parsed, self._share.first, self._share.is_foreign, self._name_of)
        if publication is None:
            kind = Kind.TICK if parsed.kind is MessageKind.TICK else NO_ENVELOPE
            self._messages.rows.extend((-1, -1, 0, kind, 1))
            content = {"text": text} if isinstance(text, str) else {"hex": text.hex()}
            self._journal.note("message", number=number, **content)
        else:
            kind = FOREIGN if publication.is_foreign else publication.kind
            if publication.damage is not None:
                self._note_damage(publication.damage)
            key = (publication.publisher, publication.sequence)
            if self.keys is not None:
                self.keys[number] = key
            self._messages.rows.extend((*key, publication.intended_ns, kind, publication.damage is None))
        self.kinds.append(kind)
        return number, parsed.needs_answer

    def _name_of(self, publisher: int) -> str:
        name = self._names.get(publisher)
        if name is None:
            name = self._names[publisher] = self.workload.name_of(publisher)
        return name

    def _note_damage(self, damage: Damage) -> None:
        """Keep the details of the first damaged messages as evidence. All messages may be damaged."""
        self._damaged += 1
        if self._damaged <= _MOST_DAMAGE:
            self._journal.note("damage", **asdict(damage))

    def published(self, publisher: int, sequence: int, intended_ns: int, sent_ns: int, phase: Phase) -> None:
        """Record that a publication was handed to its connection; `sent_ns` is 0 if that was not possible."""
        outcome = Outcome.OK if sent_ns else Outcome.FAILED
        self._publications.rows.extend((publisher, sequence, intended_ns, sent_ns, phase, outcome))

    def refused(self, publisher: int, sequence: int, status: int, reason: str) -> None:
        """Record that the HTTP request of a publication did not succeed."""
        self._journal.note("refused", publisher=publisher, sequence=sequence, status=status, reason=reason)

    def opened(
        self, member: int, connect_ns: int, connected_ns: int, *, deflated: bool = False, stamped: bool = False
    ) -> None:
        """Record that a member's connection is open.

        `deflated`: the server has agreed to compress. `stamped`: the kernel stamps what the connection receives.
        """
        self._journal.note(
            "open",
            member=member,
            connect_ns=connect_ns,
            connected_ns=connected_ns,
            deflated=deflated,
            stamped=stamped,
        )

    def subscribed(self, member: int, at_ns: int) -> None:
        """Record that the server has promised this member all publications from now on."""
        self._journal.note("subscribed", member=member, at_ns=at_ns)

    def left(self, member: int, at_ns: int, departure: Departure, close_code: int | None, why: str = "") -> None:
        """Record that a member's connection has ended, or never opened."""
        self._journal.note("left", member=member, at_ns=at_ns, departure=int(departure), code=close_code, why=why)

    def unjoined(self, member: int, at_ns: int, departure: Departure, fault: str) -> None:
        """Record that a member's connection was accepted, and that the member could not join."""
        self._journal.note("left", member=member, at_ns=at_ns, departure=int(departure), code=None, join_fault=fault)

    def breach(self, member: int, breach: Breach) -> None:
        """Record that the server violated the protocol on this connection."""
        self._journal.note(
            "breach",
            member=member,
            rule=breach.rule,
            section=breach.section,
            level=breach.level,
            sentence=breach.sentence,
            evidence=breach.evidence,
        )

    def unexpected(self, member: int, at_ns: int, text: str) -> None:
        """Record an unexpected message, which the workload does not know."""
        self._journal.note("unexpected", member=member, at_ns=at_ns, text=text)

    def clock_step(self, step: ClockStep) -> None:
        """Record that the wall clock was set. The kernel's stamps come from this clock."""
        self._journal.note("clock-step", after_ns=step.after_ns, before_ns=step.before_ns, by_ns=step.by_ns)

    def pulse(self, at_ns: int, cpu_ns: int, lag_ns: int) -> None:
        """Record the worker's CPU time and event-loop lag."""
        self._pulse.rows.extend((at_ns, cpu_ns, lag_ns))

    def settle(self) -> None:
        """Write the rows so far. Messages come first, because a receipt must not point to a missing message."""
        for file in self._files():
            file.settle()

    def close(self) -> None:
        """Write the rest. Nothing may be recorded afterwards."""
        for file in self._files():
            file.close()

    def _files(self) -> tuple[RowFile | Journal, ...]:
        return (
            self._journal,
            self._messages,
            self._publications,
            self._receipts,
            self._pulse,
            self._intervals,
            self._queues,
        )


def kind_of_first_receipt(contract: Contract) -> Kind:
    """The kind of receipt that shows that a member is in.

    It is a tick for a feed, a reply if nobody hears publications, else a delivery.
    """
    if contract.feed is not None:
        return Kind.TICK
    return Kind.REPLY if contract.audience is Audience.NOBODY else Kind.DELIVERY
