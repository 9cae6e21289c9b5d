"""Publishes by HTTP: requests on connections that are kept alive, handed over at their intended times.

A request that the server has not answered yet holds up the next one of its publisher where the channel promises an
order, because the two might overtake each other on two connections. That wait is the server's, as with a frame that it
does not read: the publication counts as sent when it is handed over. Without a promised order requests overlap.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from ssl import SSLContext
from time import monotonic_ns
from typing import cast

from wsproof.load.worker.pacer import BODIES_KEPT, Sender
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.model.contract import Order
from wsproof.model.envelope import Envelope, body_of
from wsproof.model.plan import Phase
from wsproof.net.clock import Deadline
from wsproof.net.endpoint import Endpoint
from wsproof.net.http_connection import HttpAnswer, answer_of, encode_request
from wsproof.target.member_endpoint import http_endpoint
from wsproof.wire import HttpRequest, HttpResponseReader
from wsproof.workloads import Workload

OVERLAPPING = 16
"""Most requests of one publisher that wait for an answer at the same time, where no order is promised."""
ANSWER_S = 10.0
"""Seconds that the last answers of a window may take before the drain begins without them."""
_LOOK_S = 0.005


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request as bytes, and its method, which decides whether the answer has a body."""

    data: bytes
    method: str


@dataclass(slots=True)
class PublisherQueue:
    """The requests of one publisher that wait, and its connections."""

    endpoint: Endpoint
    waiting: deque[tuple[int, PreparedRequest]] = field(default_factory=deque)
    idle: list[_HttpLine] = field(default_factory=list)
    busy: int = 0

    def take_idle(self) -> _HttpLine | None:
        """A connection that can carry a request; None if there is none. Those that are closing are forgotten."""
        while self.idle:
            line = self.idle.pop()
            if not line.is_closing:
                return line
        return None


class HttpSender(Sender):
    """Builds the requests of a worker's publishers, and sends each over a connection of its publisher."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        endpoint: Endpoint,
        workload: Workload,
        recorder: WorkerRecorder,
        sizes: Iterator[int],
        first: int = 0,
    ) -> None:
        super().__init__(recorder)
        self._loop = loop
        self._endpoint = endpoint
        self._workload = workload
        self._sizes = sizes
        self._first = first
        self._body = lru_cache(BODIES_KEPT)(body_of)
        self._at_once = OVERLAPPING if workload.contract.order is Order.NONE else 1
        self._queues: dict[int, PublisherQueue] = {}
        self._lines: set[_HttpLine] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._tls: SSLContext | None = endpoint.ssl_context()

    def prepare(self, member: int, intended_ns: int) -> tuple[int, PreparedRequest]:
        """Build the next request of a member. Returns its sequence number and the request."""
        sequence = self._count(member)
        envelope = Envelope(self._first + member, sequence, intended_ns)
        request = self._workload.publish(member, envelope, self._body(next(self._sizes)))
        assert isinstance(request, HttpRequest)
        return sequence, PreparedRequest(encode_request(request, self._queue(member).endpoint), request.method)

    def hand_over(self, member: int, sequence: int, prepared: PreparedRequest, intended_ns: int, phase: Phase) -> None:
        """Write a request to a free connection of its publisher, or let it wait for one."""
        self._recorder.published(member, sequence, intended_ns, monotonic_ns(), phase)
        queue = self._queue(member)
        queue.waiting.append((sequence, prepared))
        self._go_on(member, queue)

    def unsent(self) -> int:
        """Number of requests that wait for the answer to an earlier one."""
        return sum(len(queue.waiting) for queue in self._queues.values())

    @property
    def is_settled(self) -> bool:
        """Whether every request is answered."""
        return not any(queue.busy or queue.waiting for queue in self._queues.values())

    async def settle(self) -> None:
        """Wait until every request is answered, at most ANSWER_S."""
        deadline = Deadline.after(ANSWER_S)
        while not self.is_settled and not deadline.passed:
            await asyncio.sleep(_LOOK_S)

    def close(self) -> None:
        """Record requests without an answer, and close all connections."""
        for member, queue in self._queues.items():
            for sequence, _ in queue.waiting:
                self._recorder.refused(member, sequence, 0, "the request was never sent: earlier ones had no answer")
            queue.waiting.clear()
        for task in self._opening:
            task.cancel()
        for line in list(self._lines):
            line.give_up("the server had not answered when the run ended")

    def _queue(self, member: int) -> PublisherQueue:
        queue = self._queues.get(member)
        if queue is None:
            queue = PublisherQueue(http_endpoint(self._endpoint, self._workload, member))
            self._queues[member] = queue
        return queue

    def _go_on(self, member: int, queue: PublisherQueue) -> None:
        """Send what waits, as far as there are connections for it."""
        while queue.waiting and queue.busy < self._at_once:
            sequence, prepared = queue.waiting.popleft()
            queue.busy += 1
            line = queue.take_idle()
            if line is not None:
                line.send(member, sequence, prepared)
                continue
            task = self._loop.create_task(self._open(member, sequence, prepared, queue.endpoint))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, member: int, sequence: int, prepared: PreparedRequest, endpoint: Endpoint) -> None:
        line = _HttpLine(self)
        name = endpoint.host if self._tls is not None else None
        try:
            if endpoint.unix is not None:
                await self._loop.create_unix_connection(
                    lambda: line, endpoint.unix, ssl=self._tls, server_hostname=name
                )
            else:
                await self._loop.create_connection(
                    lambda: line, endpoint.host, endpoint.port, ssl=self._tls, server_hostname=name
                )
        except OSError as error:
            self.answered(None, member, sequence, HttpAnswer(0, f"cannot connect ({error.strerror or error})"))
            return
        self._lines.add(line)
        line.send(member, sequence, prepared)

    def answered(self, line: _HttpLine | None, member: int, sequence: int, answer: HttpAnswer) -> None:
        """Note the answer to a request, and send the next one of its publisher. `line` is free again, or None."""
        if not answer.is_accepted:
            self._recorder.refused(member, sequence, answer.status, answer.reason)
        queue = self._queues[member]
        queue.busy -= 1
        if line is not None:
            queue.idle.append(line)
        self._go_on(member, queue)

    def gone(self, line: _HttpLine) -> None:
        """Forget a connection that has ended."""
        self._lines.discard(line)
        queue = self._queues.get(line.member)
        if queue is not None and line in queue.idle:
            queue.idle.remove(line)


class _HttpLine(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self, owner: HttpSender) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._reader: HttpResponseReader | None = None
        self._request = (-1, -1)

    @property
    def member(self) -> int:
        """The publisher of its latest request; -1 before the first."""
        return self._request[0]

    @property
    def is_closing(self) -> bool:
        """Whether no further request can be sent."""
        return self._transport is None or self._transport.is_closing()

    def send(self, member: int, sequence: int, prepared: PreparedRequest) -> None:
        """Send a request. The connection must be free."""
        assert self._transport is not None
        self._request = member, sequence
        self._reader = HttpResponseReader(prepared.method)
        self._transport.write(prepared.data)

    def give_up(self, why: str) -> None:
        """Wait for no answer any more, and close."""
        if self._reader is not None:
            self._reader = None
            self._owner.answered(None, *self._request, HttpAnswer(0, why))
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports do not derive from asyncio's

    def data_received(self, data: bytes) -> None:
        if self._reader is None:
            self._close()  # the server speaks unasked
            return
        self._reader.feed(data)
        self._see_answer()

    def eof_received(self) -> None:
        if self._reader is not None:
            self._reader.feed_eof()
            self._see_answer()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._reader is not None:
            self._reader.feed_eof()
            self._see_answer()
        self._owner.gone(self)

    def _see_answer(self) -> None:
        reader = self._reader
        if reader is None or not (reader.is_complete or reader.fault):
            return
        self._reader = None
        is_free = reader.is_reusable and not self.is_closing
        if not is_free:
            self._close()
        self._owner.answered(self if is_free else None, *self._request, answer_of(reader))

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
