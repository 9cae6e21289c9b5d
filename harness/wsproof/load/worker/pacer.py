"""Open-loop sending: each publication is sent at its intended time, whatever the server does.

The envelope contains the intended time. The next frame is prepared in advance, so that only the write is left when it
is due. The pacer learns that a frame is due from a timer, or from a connection's read callback during a burst of
receipts. Without the latter, the timer could wait for a thousand reads.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import repeat
from time import monotonic_ns
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.load.worker.connection import Connection, plain_frame
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.timer import best_timer
from wsproof.model.envelope import Envelope, body_of
from wsproof.model.plan import Phase, Plan
from wsproof.workloads import Workload

NEVER = 1 << 62
"""A due time, in ns, that is never reached."""
BODIES_KEPT = 64
"""Message bodies in the cache, one per size."""
SPIN_NS = 60_000
"""The timer fires this many ns before the intended time; the pacer then spins until the time has come.

At 20, 200 and 1,000 Poisson arrivals per second, a message leaves 115, 48 and 1 us late in the median, and 165, 173 and
89 us late at p99. A timerfd alone has medians of 181, 92 and 55 us. The loop's own timers have 772, 694 and 619 us at
p99. (`python -m benchmarks.sending`) No socket is read during the spin, so it is short."""


def sizes_of(plan: Plan, worker: int) -> Iterator[int]:
    """The payload size in bytes of each of a worker's publications."""
    return repeat(plan.payload_bytes) if plan.sizes is None else plan.sizes.draw(plan.seed, worker)


class Sender(ABC):
    """Builds publications and hands them over, and counts each publisher's sequence numbers."""

    def __init__(self, recorder: WorkerRecorder) -> None:
        self._recorder = recorder
        self._next: dict[int, int] = {}

    @abstractmethod
    def prepare(self, member: int, intended_ns: int) -> tuple[int, Any]:
        """Build the next publication of a member. Returns its sequence number, and what `hand_over` sends."""

    @abstractmethod
    def hand_over(self, member: int, sequence: int, prepared: Any, intended_ns: int, phase: Phase) -> None:
        """Send a prepared publication, or record that this was not possible."""

    def publish(self, member: int, phase: Phase) -> int:
        """Publish now. Returns the sequence number."""
        intended_ns = monotonic_ns()
        sequence, prepared = self.prepare(member, intended_ns)
        self.hand_over(member, sequence, prepared, intended_ns, phase)
        return sequence

    def unsent(self) -> int:
        """Number of publications that have been handed over and still wait in this process."""
        return 0

    @property
    def is_settled(self) -> bool:
        """Whether no publication waits for an answer of the server."""
        return True

    async def settle(self) -> None:  # noqa: B027 - optional by design
        """Wait, for a bounded time, until the server has answered all publications."""

    def close(self) -> None:  # noqa: B027 - optional by design
        """Send no more."""

    def _count(self, member: int) -> int:
        """The next sequence number of a member."""
        sequence = self._next.get(member, 0)
        self._next[member] = sequence + 1
        return sequence


class Publisher(Sender):
    """Sends publications as frames over the members' connections.

    `first` is the number of member 0 in envelopes.
    """

    def __init__(
        self,
        workload: Workload,
        recorder: WorkerRecorder,
        sizes: Iterator[int],
        members: dict[int, Connection],
        first: int = 0,
    ) -> None:
        super().__init__(recorder)
        self._workload = workload
        self._members = members
        self._sizes = sizes
        self._first = first
        self._body = lru_cache(BODIES_KEPT)(body_of)
        self.frame_bytes = 0
        """Length in bytes of the last frame that was built."""

    def prepare(self, member: int, intended_ns: int) -> tuple[int, bytes]:
        """Build the next publication of a member. Returns its sequence number and the frame."""
        sequence = self._count(member)
        envelope = Envelope(self._first + member, sequence, intended_ns)
        message = self._workload.publish(member, envelope, self._body(next(self._sizes)))
        assert isinstance(message, str | bytes)
        connection = self._members.get(member)
        can_send = connection is not None and connection.can_send
        encoded = connection.encode(message) if connection is not None and can_send else plain_frame(message)
        self.frame_bytes = len(encoded)
        return sequence, encoded

    def hand_over(self, member: int, sequence: int, frame: bytes, intended_ns: int, phase: Phase) -> None:
        """Write a publication to its connection, or record that this was not possible."""
        connection = self._members.get(member)
        sent_ns = 0
        if connection is not None and connection.can_send:
            sent_ns = connection.send(frame)
        self._recorder.published(member, sequence, intended_ns, sent_ns, phase)

    def unsent(self) -> int:
        """Number of publications that the kernel has not taken yet. Their bytes are in the transports' send buffers."""
        waiting = sum(connection.unwritten_bytes for connection in self._members.values())
        return -(-waiting // max(self.frame_bytes, 1))


class Pacer:
    """Sends a worker's share of a schedule.

    `due_ns` is the intended time of the next publication, NEVER after the last one.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        publisher: Sender,
        due_changed: Callable[[int], None],
    ) -> None:
        self._publisher = publisher
        self._due_changed = due_changed
        self._timer = best_timer(loop, self._ring)
        self._times: list[int] = []
        self._members: list[int] = []
        self._phases: list[Phase] = []
        self._at = 0
        self._ready: tuple[int, Any] = (0, b"")
        self.due_ns = NEVER

    def start(self, intended_ns: NDArray[np.int64], publisher: NDArray[np.int32], phase: NDArray[np.int8]) -> None:
        """Take a schedule, ascending in time, and begin."""
        self._times = intended_ns.tolist()
        self._members = publisher.tolist()
        self._phases = [Phase(value) for value in phase.tolist()]
        self._at = 0
        self._get_ready()

    def _ring(self) -> None:
        while 0 < self.due_ns - monotonic_ns() <= SPIN_NS:
            pass
        self.fire()

    def fire(self) -> None:
        """Hand over every publication that is due."""
        while monotonic_ns() >= self.due_ns:
            at = self._at
            sequence, prepared = self._ready
            self._publisher.hand_over(self._members[at], sequence, prepared, self._times[at], self._phases[at])
            self._at = at + 1
            self._get_ready(arm=False)
        self._arm()

    def unsent(self, before_ns: int) -> int:
        """Number of publications that were due before this time and have not been handed over."""
        return sum(1 for time in self._times[self._at :] if time < before_ns)

    def close(self) -> None:
        """Send no more publications."""
        self._times = self._times[: self._at]
        self.due_ns = NEVER
        self._due_changed(NEVER)
        self._timer.close()

    def _get_ready(self, arm: bool = True) -> None:
        if self._at < len(self._times):
            self.due_ns = self._times[self._at]
            self._ready = self._publisher.prepare(self._members[self._at], self.due_ns)
        else:
            self.due_ns = NEVER
        self._due_changed(self.due_ns)
        if arm:
            self._arm()

    def _arm(self) -> None:
        if self.due_ns != NEVER:
            self._timer.arm(self.due_ns - SPIN_NS)
