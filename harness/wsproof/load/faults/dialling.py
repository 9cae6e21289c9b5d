"""Opens the connections of faulty clients, plain or with TLS, on the event loop."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import Callable
from typing import TypeVar, cast

from wsproof.load.faults.joining_client import JoiningClient
from wsproof.load.worker.sockets import SocketOpener
from wsproof.net.connect import reset_on_close
from wsproof.net.endpoint import Endpoint
from wsproof.target.member_endpoint import member_endpoint
from wsproof.workloads import Workload, prepared

Line = TypeVar("Line", bound=asyncio.Protocol)


class Dialler:
    """Connects members of a workload to its endpoint."""

    def __init__(self, endpoint: Endpoint, workload: Workload) -> None:
        self._endpoint = endpoint
        self._workload = workload
        self._sockets = SocketOpener(endpoint)
        self._tls = endpoint.ssl_context()

    async def client(self, member: int) -> JoiningClient:
        """A client for this member. The workload prepares the member first, where it does so.

        Raises:
            OSError: the member could not be prepared.
        """
        if self._workload.has_prepare:
            refusal = await asyncio.to_thread(prepared, self._workload, member, self._endpoint.http_url)
            if refusal:
                raise OSError(f"the member {refusal}")
        endpoint = member_endpoint(self._endpoint, self._workload, member)
        request = endpoint.request(base64.b64encode(os.urandom(16)).decode())
        return JoiningClient(request, self._workload, member)

    async def open(self, member: int, make: Callable[[], Line], *, has_small_buffers: bool = False) -> Line:
        """Connect, and hand the connection to a new protocol. `has_small_buffers`: see `SocketOpener.open`.

        Raises:
            OSError: the server is not reachable.
        """
        sock = await self._sockets.open(member, has_small_buffers=has_small_buffers)
        loop = asyncio.get_running_loop()
        name = self._endpoint.host if self._tls is not None else None
        try:
            _, line = await loop.create_connection(make, sock=sock, ssl=self._tls, server_hostname=name)
        except BaseException:
            sock.close()
            raise
        return line


def reset(transport: asyncio.Transport) -> None:
    """End a connection with RST."""
    sock = cast(socket.socket | None, transport.get_extra_info("socket"))
    if sock is not None:
        reset_on_close(sock)
    transport.abort()
