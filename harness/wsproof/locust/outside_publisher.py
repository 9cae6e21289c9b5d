"""Publishes by HTTP requests, functions and commands: those of a member one after the other, in a greenlet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

import gevent

from wsproof.model.outside_call import OutsideCall, PublishAnswer
from wsproof.net.endpoint import Endpoint
from wsproof.net.http_connection import HttpConnection
from wsproof.net.outside_call import run_call
from wsproof.wire import HttpRequest

Refused: TypeAlias = Callable[[int, int, PublishAnswer], None]
"""Takes the member, the sequence number of its publication, and the answer."""
WAITING_AT_MOST = 1_000
"""Maximum number of requests and calls of one member that wait for an earlier answer. Further ones are not made."""


@dataclass
class _MemberQueue:
    connection: HttpConnection
    waiting: deque[tuple[int, HttpRequest | OutsideCall]] = field(default_factory=deque)
    is_running: bool = False


class OutsidePublisher:
    """The connections of all members of a run. Each is kept alive, and carries one request at a time."""

    def __init__(self, endpoint_of: Callable[[int], Endpoint], refused: Refused) -> None:
        self._endpoint_of = endpoint_of
        self._refused = refused
        self._queues: dict[int, _MemberQueue] = {}

    def publish(self, member: int, sequence: int, request: HttpRequest | OutsideCall) -> bool:
        """Hand over a request or a call. Does not block. False if too many of this member wait already."""
        queue = self._queues.get(member)
        if queue is None:
            queue = self._queues[member] = _MemberQueue(HttpConnection(self._endpoint_of(member)))
        if len(queue.waiting) >= WAITING_AT_MOST:
            return False
        queue.waiting.append((sequence, request))
        if not queue.is_running:
            queue.is_running = True
            gevent.spawn(self._send, member, queue)
        return True

    @property
    def is_busy(self) -> bool:
        """Whether a request has no answer yet."""
        return any(queue.is_running for queue in self._queues.values())

    def _send(self, member: int, queue: _MemberQueue) -> None:
        try:
            while queue.waiting:
                sequence, request = queue.waiting.popleft()
                http = queue.connection
                answer = http.exchange(request) if isinstance(request, HttpRequest) else run_call(request)
                if not answer.is_accepted:
                    self._refused(member, sequence, answer)
        finally:
            queue.is_running = False

    def close(self) -> None:
        """Close all connections."""
        for queue in self._queues.values():
            queue.waiting.clear()
            queue.connection.close()
