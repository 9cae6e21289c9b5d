"""Opens the sockets of a worker's connections on the event loop."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from wsproof.load.source_addresses import bind_source, source_of
from wsproof.net.endpoint import Endpoint

SMALL_BUFFER = 4_096
"""A small receive buffer, in bytes."""
SMALL_SEGMENT = 536
"""A small TCP segment, in bytes. The kernel makes the other end's send buffer as large as some segments; on loopback
they have 64 KiB, and the buffer has megabytes."""
Address = tuple[int, Any]
"""Family, and the address itself."""


class SocketOpener:
    """Connects to one host and port, whose name is resolved once, or to a Unix socket."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._addresses: list[Address] | None = None

    async def open(self, member: int, *, has_small_buffers: bool = False) -> socket.socket:
        """Open a member's connected socket, which does not block.

        `has_small_buffers` keeps the kernel's buffers of the connection small, at both ends.

        Raises:
            OSError: the server is not reachable at any address, or no port is left.
        """
        failure: OSError | None = None
        source = source_of(member, self._endpoint)
        for family, address in await self._resolved():
            try:
                return await _connected(family, address, source, has_small_buffers)
            except OSError as error:
                failure = failure or error
        raise failure or OSError(f"{self._endpoint.host} has no address")

    async def _resolved(self) -> list[Address]:
        if self._addresses is None and self._endpoint.unix is not None:
            self._addresses = [(socket.AF_UNIX, self._endpoint.unix)]
        if self._addresses is None:
            loop = asyncio.get_running_loop()
            addresses = await loop.getaddrinfo(self._endpoint.host, self._endpoint.port, type=socket.SOCK_STREAM)
            self._addresses = [(family, address) for family, _, _, _, address in addresses]
        return self._addresses


async def _connected(
    family: int, address: Any, source: tuple[str, int] | None, has_small_buffers: bool
) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        if family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if has_small_buffers:
            _shrink(sock, family)
        if source is not None:
            bind_source(sock, source)
        await asyncio.get_running_loop().sock_connect(sock, address)
    except BaseException:
        sock.close()
        raise
    return sock


def _shrink(sock: socket.socket, family: int) -> None:
    """Keep the buffers of a connection small. It must not be connected yet."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    if family != socket.AF_UNIX:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SMALL_SEGMENT)
