"""Disconnection of peers that do not read.

ASGI cannot abort a connection. `websocket.close` waits until the peer reads what was written before. When the endpoint
returns, servers based on asyncio call `transport.close()`, which waits as well. A peer that keeps its receive window at
zero would stay connected for ever, and the server could not stop. But the socket is a file descriptor of this process.
After a shutdown of the socket every write to it fails, and any server library cleans up.
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import struct
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
"""SO_LINGER with 0 s: the kernel discards unsent data for the peer (up to megabytes) at once."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Both addresses of a TCP connection. They identify an open socket of this process."""

    here: tuple[str, int]
    there: tuple[str, int]

    @classmethod
    def of_scope(cls, scope: Any) -> Addresses | None:
        """Return the addresses of an ASGI scope; None if the server does not report both ends (a Unix socket, say)."""
        here, there = scope.get("server"), scope.get("client")
        if not here or not there or not here[1] or not there[1]:
            return None
        return cls((here[0], here[1]), (there[0], there[1]))


def cut(addresses: Iterable[Addresses]) -> int:
    """Shut down the sockets of this process with these addresses. Returns how many were still open."""
    wanted = set(addresses)
    found = 0
    for connected in _own_sockets() if wanted else ():
        with connected:
            if _addresses_of(connected) not in wanted:
                continue
            with contextlib.suppress(OSError):  # the peer has already closed
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
                connected.shutdown(socket.SHUT_RDWR)
                found += 1
    return found


def limit_unacknowledged(seconds: float) -> None:
    """Let the kernel drop a peer that acknowledges nothing, or keeps its window shut, for this many seconds.

    Set on the listening sockets of this process, from which new connections inherit it, and on connections that were
    accepted before. This covers what write timeouts miss: a few remaining bytes for a peer that never reads them.
    """
    if sys.platform != "linux":
        return
    ports = _listening_ports()
    for own in _own_sockets():
        with own, contextlib.suppress(OSError):  # not TCP, or closed in the meantime
            if own.family in (socket.AF_INET, socket.AF_INET6) and own.getsockname()[1] in ports:
                own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(seconds * 1000))


def _listening_ports() -> set[int]:
    ports = set()
    for own in _own_sockets():
        with own:
            if own.family in (socket.AF_INET, socket.AF_INET6) and own.getsockopt(
                socket.SOL_SOCKET, socket.SO_ACCEPTCONN
            ):
                ports.add(own.getsockname()[1])
    return ports


def _own_sockets() -> Iterator[socket.socket]:
    """Yield duplicates of all sockets of this process. Closing a duplicate does not affect the original."""
    for name in os.listdir("/dev/fd"):
        try:
            descriptor = int(name)
            if not stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                continue
            duplicate = os.dup(descriptor)
        except OSError:  # closed since the folder was listed, as is the descriptor of the listing itself
            continue
        yield socket.socket(fileno=duplicate)


def _addresses_of(connected: socket.socket) -> Addresses | None:
    if connected.family not in (socket.AF_INET, socket.AF_INET6):
        return None
    try:
        return Addresses(connected.getsockname()[:2], connected.getpeername()[:2])
    except OSError:  # a listening socket
        return None
