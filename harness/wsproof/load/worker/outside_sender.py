"""Publishes beside the WebSocket: requests and calls, each begun at its intended time.

If the channel promises an order, a publisher's next publication waits for the answer to the previous one, because the
two might overtake each other. The server causes that wait, as with a frame that it does not read, so the publication
counts as sent when it is handed over. Without a promised order, publications overlap.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from time import monotonic_ns
from typing import Any

from wsproof.load.worker.pacer import BODIES_KEPT, Sender
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.model.contract import Order
from wsproof.model.envelope import Envelope, body_of
from wsproof.model.outside_call import OutsideCall, PublishAnswer
from wsproof.model.plan import Phase
from wsproof.net.clock import Deadline
from wsproof.net.outside_call import CALL_S, run_in_thread
from wsproof.workloads import Workload

OVERLAPPING = 16
"""Maximum number of one publisher's publications without an answer, if no order is promised."""
ANSWER_S = 10.0
"""Seconds that the last answers of a window may take before the drain begins without them."""
_POLL_S = 0.005


@dataclass(slots=True)
class _Queue:
    """The publications of one publisher: the waiting ones, and the sequence numbers of those without an answer."""

    waiting: deque[tuple[int, Any]] = field(default_factory=deque)
    unanswered: set[int] = field(default_factory=set)


class OutsideSender(Sender):
    """Builds the publications of a worker's publishers, and begins each as soon as the order allows it."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        workload: Workload,
        recorder: WorkerRecorder,
        sizes: Iterator[int],
        first: int = 0,
    ) -> None:
        super().__init__(recorder)
        self._loop = loop
        self._workload = workload
        self._sizes = sizes
        self._first = first
        self._body = lru_cache(BODIES_KEPT)(body_of)
        self._at_once = OVERLAPPING if workload.contract.order is Order.NONE else 1
        self._queues: dict[int, _Queue] = {}

    @abstractmethod
    def _begin(self, member: int, sequence: int, prepared: Any) -> None:
        """Begin a publication. `answered` is called later."""

    def _publication(self, member: int, intended_ns: int) -> tuple[int, Any]:
        """Build the next publication of a member. Returns its sequence number and the publication."""
        sequence = self._count(member)
        envelope = Envelope(self._first + member, sequence, intended_ns)
        return sequence, self._workload.publish(member, envelope, self._body(next(self._sizes)))

    def prepare(self, member: int, intended_ns: int) -> tuple[int, Any]:
        """Build the next publication of a member. Returns its sequence number and what `_begin` takes."""
        return self._publication(member, intended_ns)

    def hand_over(self, member: int, sequence: int, prepared: Any, intended_ns: int, phase: Phase) -> None:
        """Begin a publication, or let it wait for the answer to an earlier one."""
        self._recorder.published(member, sequence, intended_ns, monotonic_ns(), phase)
        self._queues.setdefault(member, _Queue()).waiting.append((sequence, prepared))
        self._begin_waiting(member)

    def answered(self, member: int, sequence: int, answer: PublishAnswer) -> None:
        """Note the answer to a publication, and begin the next one of its publisher."""
        if not answer.is_accepted:
            self._recorder.refused(member, sequence, answer.status, answer.reason)
        self._queues[member].unanswered.remove(sequence)
        self._begin_waiting(member)

    def unsent(self) -> int:
        """Number of publications that wait for the answer to an earlier one."""
        return sum(len(queue.waiting) for queue in self._queues.values())

    @property
    def is_settled(self) -> bool:
        """Whether every publication is answered."""
        return not any(queue.unanswered or queue.waiting for queue in self._queues.values())

    async def settle(self) -> None:
        """Wait until every publication is answered, at most ANSWER_S."""
        deadline = Deadline.after(ANSWER_S)
        while not self.is_settled and not deadline.passed:
            await asyncio.sleep(_POLL_S)

    def close(self) -> None:
        """Record publications that were never begun."""
        for member, queue in self._queues.items():
            for sequence, _ in queue.waiting:
                self._recorder.refused(member, sequence, 0, "the request was never sent: earlier ones had no answer")
            queue.waiting.clear()

    def _begin_waiting(self, member: int) -> None:
        """Begin as many waiting publications as may overlap."""
        queue = self._queues[member]
        while queue.waiting and len(queue.unanswered) < self._at_once:
            sequence, prepared = queue.waiting.popleft()
            queue.unanswered.add(sequence)
            self._begin(member, sequence, prepared)


class CallSender(OutsideSender):
    """Publishes by the user's functions and commands, each in a thread of its own."""

    def _begin(self, member: int, sequence: int, prepared: OutsideCall) -> None:
        def answered(answer: PublishAnswer) -> None:
            with suppress(RuntimeError):  # the loop is closed: the run has ended without this answer
                self._loop.call_soon_threadsafe(self._answered, member, sequence, answer)

        run_in_thread(prepared, CALL_S, answered)

    def _answered(self, member: int, sequence: int, answer: PublishAnswer) -> None:
        if sequence in self._queues[member].unanswered:  # else the run has ended, and `close` has recorded the call
            self.answered(member, sequence, answer)

    def close(self) -> None:
        """Record calls that have not ended."""
        super().close()
        for member, queue in self._queues.items():
            for sequence in sorted(queue.unanswered):
                self.answered(member, sequence, PublishAnswer("the call had not ended when the run ended"))
