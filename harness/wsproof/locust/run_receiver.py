"""The receiver of a workload run: records and times what its members receive."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from wsproof.locust.connection import CLOCK
from wsproof.locust.message import MessageCache, ReceivedMessage
from wsproof.locust.outstanding import Key, OutstandingDeliveries
from wsproof.locust.run_members import RunMembers
from wsproof.locust.stats import RunStats
from wsproof.locust.tick_rounds import TickRounds
from wsproof.model.contract import Audience
from wsproof.model.history import Kind, PresenceNotice, ProtocolNote, Recorder, Tick, UnexpectedMessage
from wsproof.model.measurement import ArrivalStamps
from wsproof.wire import Breach
from wsproof.workloads import MessageKind, Workload
from wsproof.workloads.damage import unplaced


class RunReceiver:
    """The listener of the connections of a run. None of its methods may block, since they run in the event loop.

    `keeps_all_notices`: leave notices about names that no member of the run has are recorded, too. `ended` and
    `crashed` take the end of a connection, see `ConnectionListener`.
    """

    def __init__(
        self,
        workload: Workload,
        members: RunMembers,
        messages: MessageCache,
        pending: OutstandingDeliveries,
        recorder: Recorder,
        stats: RunStats,
        *,
        keeps_all_notices: bool,
        ended: Callable[[int, int | None], None],
        crashed: Callable[[int, Exception], None],
    ) -> None:
        self._workload = workload
        self._members = members
        self._messages = messages
        self._pending = pending
        self._recorder = recorder
        self._stats = stats
        self._keeps_all_notices = keeps_all_notices
        self.ended = ended
        self.crashed = crashed
        self.counted_from_ns = 0
        """Publications that were sent before are no part of the tables: users still arrived."""
        self.is_stamped = True
        """Whether the kernel stamps what arrives on each connection."""
        self.last_tick_ns: dict[int, int] = {}
        """The time in ns at which each member received the last message of a feed."""
        feed = workload.contract.feed
        self._rounds = TickRounds(feed.period_s if feed is not None and feed.shared else 0.0)
        self._first_kind = _first_kind(workload)
        self._intervals: list[tuple[int, int, int, int]] = []
        self._queues: list[tuple[int, int, int]] = []
        # The hot path uses these directly.
        self._known = messages.known
        self._received = messages.received
        self._all = members.all
        self._present = members.present
        self._unhurried = members.unhurried
        self._latency = stats.latency

    def hear(self, member: int, frame: bytes, payload: bytes, is_text: bool, now_ns: int) -> int:
        """Record the messages of a frame, and return their number. The hot path: most frames are in the cache."""
        message = self._known.get(frame)
        if message is not None:
            self._take(member, message, now_ns)
            return 1
        messages = self._messages.learn(member, frame, payload, is_text)
        for each in messages:
            self._take_new(member, each, now_ns)
        return len(messages)

    def hear_message(self, member: int, message: str | bytes, now_ns: int) -> None:
        """Record a message that may have come in one frame with others."""
        self._take_new(member, self._messages.message_of(member, message), now_ns)

    def _take_new(self, member: int, message: ReceivedMessage, now_ns: int) -> None:
        """Record a message that is not in the cache, or that calls for an answer."""
        self._look_up_publication(message)
        if message.parsed.needs_answer:
            self._answer(member, message.text)
        self._take(member, message, now_ns)

    def _take(self, member: int, message: ReceivedMessage, now_ns: int) -> None:
        if message.kind is None:
            self._hear_other(member, message, now_ns)
            return
        self._received((member, message.number, now_ns))
        if message.kind is self._first_kind and member not in self._present:
            self._members.came_in(member, now_ns)
        # A message sent before its reader was present (such as history) has no latency, as in stats/deliveries.py.
        counted_from_ns = max(self._all[member].in_ns, self.counted_from_ns)
        is_timed = message.sent_ns >= counted_from_ns and member not in self._unhurried
        if message.kind is Kind.DELIVERY and is_timed:
            self._latency.add(now_ns - message.intended_ns, message.size_bytes)
        waiting = message.waiting
        if waiting is not None and member in waiting:
            if len(waiting) > 1:
                waiting.discard(member)
            elif (
                self._pending.came(_key(message), member)
                and message.kind is Kind.DELIVERY
                and message.sent_ns >= self.counted_from_ns
            ):
                self._stats.reached_all(now_ns - message.intended_ns)

    def _look_up_publication(self, message: ReceivedMessage) -> None:
        """Note when a publication was sent, and who has not received it yet."""
        if message.kind is not None and message.intact:
            message.waiting = self._pending.of(_key(message))
            sent_ns = self._members.sent_ns[message.publisher]
            if message.sequence < len(sent_ns):
                message.sent_ns = sent_ns[message.sequence]

    def _answer(self, member: int, message: str | bytes) -> None:
        line = self._members.lines.get(member)
        if line is not None:
            for answer in self._workload.answer(member, message):
                line.send(answer)

    def _hear_other(self, member: int, message: ReceivedMessage, now_ns: int) -> None:
        parsed = message.parsed
        if message.is_foreign:
            if message.number >= 0:
                self._received((member, message.number, now_ns))
            if message.parsed.kind is MessageKind.DELIVERY and self._first_kind is Kind.DELIVERY:
                self._members.came_in(member, now_ns)
        elif parsed.kind is MessageKind.LEAVE and parsed.member is not None:
            self._record_leave(member, parsed.member, now_ns)
        elif parsed.kind is MessageKind.TICK:
            self._ticked(member, message, now_ns)
        elif (
            parsed.kind is MessageKind.IGNORED or parsed.version is not None
        ):  # the text does not say which publication
            self._recorder.ignore(message.text)
        elif parsed.kind is not MessageKind.JOIN:
            self._recorder.unexpected.append(
                unplaced(parsed, message.text, member, now_ns, self._messages.first_publisher)
            )

    def _record_leave(self, member: int, about: str, now_ns: int) -> None:
        if about in self._members.names or self._keeps_all_notices:  # ignore the users of other runs
            self._recorder.notices.append(PresenceNotice(member, about, True, now_ns))
            self._pending.came(("leave", about), member)

    def _ticked(self, member: int, message: ReceivedMessage, now_ns: int) -> None:
        is_first = member not in self._present
        self._members.came_in(member, now_ns)
        parsed = message.parsed
        value = dict(parsed.value) if parsed.value is not None else None
        self._recorder.ticks.append(Tick(member, now_ns, value, parsed.text))
        self.last_tick_ns[member] = now_ns
        if is_first:  # may be a snapshot that repeats an old tick
            return
        spread_ns = self._rounds.add(member, now_ns)
        if spread_ns is not None:
            self._stats.spread.add(spread_ns, message.size_bytes)

    def unexpected(self, member: int, text: str, now_ns: int) -> None:
        """Record input that is not a valid message."""
        self._recorder.unexpected.append(UnexpectedMessage(member, now_ns, text))

    def breach(self, member: int, breach: Breach) -> None:
        """Record a server frame that violates the protocol."""
        note = ProtocolNote(member, breach.rule, breach.section, breach.level, breach.sentence, breach.evidence)
        self._recorder.protocol.append(note)

    def interval(self, row: tuple[int, int, int, int]) -> None:
        """Record messages that were read together."""
        self._intervals.append(row)

    def queued(self, row: tuple[int, int, int]) -> None:
        """Record a large read."""
        self._queues.append(row)

    @property
    def stamps(self) -> ArrivalStamps:
        """The source of the receipt timestamps, and which of them are less accurate."""
        clock = "kernel" if self.is_stamped and self._all else "user"
        steps = [(step.after_ns, step.before_ns, step.by_ns) for step in CLOCK.steps]
        return ArrivalStamps(clock, _table(self._intervals, 4), _table(self._queues, 3), _table(steps, 3))


def _table(rows: Sequence[Sequence[int]], width: int) -> NDArray[np.int64]:
    return np.array(rows, np.int64).reshape(-1, width)


def _key(message: ReceivedMessage) -> Key:
    return message.kind, message.publisher, message.sequence


def _first_kind(workload: Workload) -> Kind:
    """The kind of message that shows that a member is present: a tick, a reply or a delivery."""
    if workload.contract.feed is not None:
        return Kind.TICK
    return Kind.REPLY if workload.contract.audience is Audience.NOBODY else Kind.DELIVERY
