"""Opens a worker's connections, a bounded number at a time, so that handshakes wait here and not in the server."""

from __future__ import annotations

import asyncio
import base64
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace

from wsproof.load.worker.compiled_poller import CompiledPoller, is_built, transport_on
from wsproof.load.worker.connection import Connection
from wsproof.load.worker.socket_poller import SocketPoller
from wsproof.load.worker.sockets import SocketOpener
from wsproof.load.worker.state import WorkerState
from wsproof.load.worker.tls_transport import TlsTransport
from wsproof.model.history import Departure
from wsproof.model.nanoseconds import NS
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.net.kernel_clock import does_kernel_stamp, request_stamps
from wsproof.net.send_stamps import does_kernel_stamp_sends
from wsproof.net.tls_session import TlsSession
from wsproof.target.member_endpoint import member_endpoint
from wsproof.wire import DeflateOffer
from wsproof.workloads import Workload, prepared

AT_ONCE = 16
"""Handshakes in progress at once, per worker. Enough to keep a server busy. More would only make each of them wait and
measure a longer time."""

OFFER = DeflateOffer(client_max_window_bits=True).encode()
"""The permessage-deflate offer that browsers send."""


class Connector:
    """Connects members to their paths at an endpoint."""

    def __init__(
        self,
        endpoint: Endpoint,
        workload: Workload,
        state: WorkerState,
        *,
        gap_s: float = 0.0,
        deflate: bool = False,
        is_compiled: bool = True,
    ) -> None:
        self._endpoint = endpoint
        self._workload = workload
        self._state = state
        self._tls = endpoint.ssl_context()
        self._sockets = SocketOpener(endpoint)
        self._poller: SocketPoller | None = None
        # The first call takes a moment, which would count as time to connect or to send.
        is_stamped = does_kernel_stamp()
        does_kernel_stamp_sends()
        is_tcp = self._tls is None and endpoint.unix is None
        self.reader = "compiled" if is_compiled and is_built() and is_stamped and is_tcp else "python"
        """Which code reads known frames: `compiled` or `python`."""
        self._gap_s = gap_s
        self._deflate = deflate
        self._turn = asyncio.Lock()
        self._next_ns = 0
        self.faults: list[str] = []
        """Reasons why connections did not open, a sentence each."""

    async def connect_all(self, members: Iterable[int], ramp: Deadline) -> None:
        """Open all connections, or note why one did not open.

        Connections that still wait at the end of the ramp are given up.
        """
        waiting = iter(members)
        await asyncio.gather(*(self._connect_one_by_one(waiting, ramp) for _ in range(AT_ONCE)))

    async def _connect_one_by_one(self, waiting: Iterator[int], ramp: Deadline) -> None:
        for member in waiting:
            await self._wait_for_turn()
            fault = await self._connect(member, ramp)
            if fault is not None:
                self.faults.append(fault)

    async def _wait_for_turn(self) -> None:
        """Keep the configured time between the starts of two connections."""
        if not self._gap_s:
            return
        async with self._turn:
            while (wait_ns := self._next_ns - now_ns()) > 0:
                await asyncio.sleep(wait_ns / NS)
            self._next_ns = now_ns() + int(self._gap_s * NS)

    async def _connect(self, member: int, ramp: Deadline) -> str | None:
        workload, loop = self._workload, asyncio.get_running_loop()
        if workload.has_prepare:
            refusal = await asyncio.to_thread(prepared, workload, member, self._endpoint.http_url)
            if refusal:
                self._state.recorder.left(member, now_ns(), Departure.REFUSED, None, refusal)
                return f"a member {refusal}"
        endpoint = member_endpoint(self._endpoint, workload, member)
        opened: asyncio.Future[str | None] = loop.create_future()
        request = endpoint.request(base64.b64encode(os.urandom(16)).decode())
        if self._deflate:
            request = replace(request, extensions=(OFFER,))
        connection = Connection(member, request, self._state, opened)
        try:
            async with asyncio.timeout(max(ramp.remaining_s, 0.001)):
                await self._dial(connection, endpoint)
                fault = await opened
        except TimeoutError:
            fault = connection.unfinished()
        except OSError as error:
            fault = f"cannot connect ({error.strerror or error})"
        if fault is not None:
            self._give_up(connection, opened, fault)
            return fault
        self._state.enter(connection)
        return None

    def _give_up(self, connection: Connection, opened: asyncio.Future[str | None], fault: str) -> None:
        """Record why a member did not connect or join, and end its connection."""
        recorder, now = self._state.recorder, now_ns()
        if connection.join_fault:
            departure = Departure.DROPPED if connection.left_ns else Departure.FIN
            recorder.unjoined(connection.member, connection.left_ns or now, departure, connection.join_fault)
        else:
            recorder.left(connection.member, now, Departure.REFUSED, None, fault)
        connection.opened = opened
        connection.abort()

    async def _dial(self, connection: Connection, endpoint: Endpoint) -> None:
        opened = await self._sockets.open(connection.member)
        is_stamped = request_stamps(opened)
        poller = self._poller = self._poller or self._new_poller()
        if self._tls is None:
            transport = transport_on(poller, opened, connection, self._state.clock, is_stamped=is_stamped)
            connection.connection_made(transport)
            transport.start()
        else:
            session = TlsSession(self._tls, endpoint.host)
            clock = self._state.clock
            await TlsTransport(poller, opened, connection, clock, session, is_stamped=is_stamped).open()

    def _new_poller(self) -> SocketPoller:
        loop = asyncio.get_running_loop()
        return CompiledPoller(loop, self._state) if self.reader == "compiled" else SocketPoller(loop)
