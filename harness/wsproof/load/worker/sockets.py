"""Opens the sockets of a worker's connections on the event loop."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from wsproof.load.source_addresses import bind_source, source_of
from wsproof.net.endpoint import Endpoint

Address = tuple[int, Any]
"""Family, and the address itself."""


class SocketOpener:
    """Connects to one host and port, whose name is resolved once, or to a Unix socket."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._addresses: list[Address] | None = None

    async def open(self, member: int) -> socket.socket:
        """Open a member's connected socket, which does not block.

        Raises:
            OSError: the server is not reachable at any address, or no port is left.
        """
        failure: OSError | None = None
        source = source_of(member, self._endpoint)
        for family, address in await self._resolved():
            try:
                return await _connected(family, address, source)
            except OSError as error:
                failure = failure or error
        raise failure or OSError(f"{self._endpoint.host} has no address")

    async def _resolved(self) -> list[Address]:
        if self._addresses is None and self._endpoint.unix is not None:
            self._addresses = [(socket.AF_UNIX, self._endpoint.unix)]
        if self._addresses is None:
            loop = asyncio.get_running_loop()
            found = await loop.getaddrinfo(self._endpoint.host, self._endpoint.port, type=socket.SOCK_STREAM)
            self._addresses = [(family, address) for family, _, _, _, address in found]
        return self._addresses


async def _connected(family: int, address: Any, source: tuple[str, int] | None) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if source is not None:
            bind_source(sock, source)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock
