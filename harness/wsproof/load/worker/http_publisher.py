"""Publishes by HTTP: requests on connections that are kept alive, handed over at their intended times."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import cast

from wsproof.load.worker.outside_sender import OutsideSender
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.model.outside_call import PublishAnswer
from wsproof.net.endpoint import Endpoint
from wsproof.net.http_connection import answer_of, encode_request
from wsproof.target.member_endpoint import http_endpoint
from wsproof.wire import HttpRequest, HttpResponseReader
from wsproof.workloads import Workload


@dataclass(frozen=True, slots=True)
class PreparedRequest:
    """A request as bytes, and its method, which decides whether the answer has a body."""

    data: bytes
    method: str


@dataclass(slots=True)
class PublisherConnections:
    """The address of one publisher's requests, and its connections that are free."""

    endpoint: Endpoint
    idle: list[_HttpConnection] = field(default_factory=list)

    def take_idle(self) -> _HttpConnection | None:
        """A connection that can take a request; None if there is none. Closing connections are dropped."""
        while self.idle:
            connection = self.idle.pop()
            if not connection.is_closing:
                return connection
        return None


class HttpSender(OutsideSender):
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
        super().__init__(loop, workload, recorder, sizes, first)
        self._endpoint = endpoint
        self._connections: dict[int, PublisherConnections] = {}
        self._open_connections: set[_HttpConnection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._tls: SSLContext | None = endpoint.ssl_context()

    def prepare(self, member: int, intended_ns: int) -> tuple[int, PreparedRequest]:
        """Build the next request of a member. Returns its sequence number and the request."""
        sequence, request = self._publication(member, intended_ns)
        assert isinstance(request, HttpRequest)
        data = encode_request(request, self._connections_of(member).endpoint)
        return sequence, PreparedRequest(data, request.method)

    def close(self) -> None:
        """Record requests without an answer, and close all connections."""
        super().close()
        for task in self._opening:
            task.cancel()
        for connection in list(self._open_connections):
            connection.give_up("the server had not answered when the run ended")

    def _connections_of(self, member: int) -> PublisherConnections:
        connections = self._connections.get(member)
        if connections is None:
            connections = PublisherConnections(http_endpoint(self._endpoint, self._workload, member))
            self._connections[member] = connections
        return connections

    def _begin(self, member: int, sequence: int, prepared: PreparedRequest) -> None:
        connections = self._connections_of(member)
        connection = connections.take_idle()
        if connection is not None:
            connection.send(member, sequence, prepared)
            return
        task = self._loop.create_task(self._open(member, sequence, prepared, connections.endpoint))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open(self, member: int, sequence: int, prepared: PreparedRequest, endpoint: Endpoint) -> None:
        connection = _HttpConnection(self)
        name = endpoint.host if self._tls is not None else None
        try:
            if endpoint.unix is not None:
                await self._loop.create_unix_connection(
                    lambda: connection, endpoint.unix, ssl=self._tls, server_hostname=name
                )
            else:
                await self._loop.create_connection(
                    lambda: connection, endpoint.host, endpoint.port, ssl=self._tls, server_hostname=name
                )
        except OSError as error:
            self.answered(member, sequence, PublishAnswer(f"cannot connect ({error.strerror or error})"))
            return
        self._open_connections.add(connection)
        connection.send(member, sequence, prepared)

    def request_answered(
        self, connection: _HttpConnection | None, member: int, sequence: int, answer: PublishAnswer
    ) -> None:
        """Note the answer to a request. `connection` is free again, or None."""
        if connection is not None:
            self._connections[member].idle.append(connection)
        self.answered(member, sequence, answer)

    def connection_ended(self, connection: _HttpConnection) -> None:
        """Forget a connection that has ended."""
        self._open_connections.discard(connection)
        connections = self._connections.get(connection.member)
        if connections is not None and connection in connections.idle:
            connections.idle.remove(connection)


class _HttpConnection(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self, owner: HttpSender) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._reader: HttpResponseReader | None = None
        self._request = (-1, -1)

    @property
    def member(self) -> int:
        """The publisher of the latest request; -1 before the first."""
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
        """Close without waiting for an answer."""
        if self._reader is not None:
            self._reader = None
            self._owner.answered(*self._request, PublishAnswer(why))
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's transports do not derive from asyncio's

    def data_received(self, data: bytes) -> None:
        if self._reader is None:
            self._close()  # the server sent data without a request
            return
        self._reader.feed(data)
        self._check_answer()

    def eof_received(self) -> None:
        if self._reader is not None:
            self._reader.feed_eof()
            self._check_answer()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._reader is not None:
            self._reader.feed_eof()
            self._check_answer()
        self._owner.connection_ended(self)

    def _check_answer(self) -> None:
        reader = self._reader
        if reader is None or not (reader.is_complete or reader.fault):
            return
        self._reader = None
        is_free = reader.is_reusable and not self.is_closing
        if not is_free:
            self._close()
        self._owner.request_answered(self if is_free else None, *self._request, answer_of(reader))

    def _close(self) -> None:
        if self._transport is not None:
            self._transport.close()
