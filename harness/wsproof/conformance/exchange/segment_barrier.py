"""Make a server read TCP segments one by one.

A server may read two consecutive sends as one. If the server runs on this machine, Linux reports whether its socket
holds unread bytes (netlink's sock_diag, about 10 microseconds). The client sends the next piece once there are none.
If the server runs on another machine, the client sends all pieces at once, and the network may join them.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import time
from types import TracebackType

from wsproof.net.clock import Deadline

__all__ = ["SegmentBarrier"]

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_NLM_F_REQUEST = 1
_ANY = 0xFFFFFFFF
_RQUEUE_OFFSET = 16 + 4 + 48 + 4  # Skips nlmsghdr, then inet_diag_msg up to idiag_rqueue.
_TIMEOUT_S = 0.2
"""Timeout in seconds for the kernel's answer."""
_GIVES_UP_AFTER_S = 0.02
"""Seconds for the server to read one piece."""
_FAST_QUERIES = 20
"""Number of queries without a pause. They take 0.2 ms, in which an idle server on a free core reads a piece."""
_PAUSE_S = 0.0002
"""Seconds between further queries. A server that shares its core with the client needs this time to run."""


class SegmentBarrier:
    """Asks the kernel whether a server on this machine has read all bytes sent to it."""

    def __init__(self) -> None:
        self._netlink: socket.socket | None = None
        if sys.platform == "linux":
            try:
                self._netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG)
                self._netlink.settimeout(_TIMEOUT_S)
            except OSError:
                self._netlink = None  # The sandbox forbids netlink: send all pieces at once.

    def wait_read(self, fileno: int) -> bool:
        """Wait until the peer of this TCP socket has read everything.

        False after 20 ms, or if the kernel cannot tell.
        """
        ends = self._ends(fileno)
        deadline = Deadline.after(_GIVES_UP_AFTER_S)
        queries = 0
        while ends is not None and deadline.remaining_s > 0:
            unread = self._unread(*ends)
            if unread is None:
                return False
            if unread == 0:
                return True
            queries += 1
            if queries < _FAST_QUERIES:
                os.sched_yield()
            else:
                time.sleep(_PAUSE_S)
        return False  # The server does not read: send the next piece anyway.

    def unread(self, fileno: int) -> int | None:
        """Bytes that the peer of this TCP socket has received and not read. None if the kernel cannot tell."""
        ends = self._ends(fileno)
        return None if ends is None else self._unread(*ends)

    def _ends(self, fileno: int) -> tuple[int, tuple[str, int], tuple[str, int]] | None:
        """Family and addresses of a TCP socket as its peer sees them; None if they are not known."""
        if self._netlink is None:
            return None
        with socket.socket(fileno=os.dup(fileno)) as sock:
            if sock.family not in (socket.AF_INET, socket.AF_INET6):
                return None
            try:
                return sock.family, sock.getpeername()[:2], sock.getsockname()[:2]
            except OSError:
                return None

    def _unread(self, family: int, local: tuple[str, int], remote: tuple[str, int]) -> int | None:
        assert self._netlink is not None
        source, destination = (socket.inet_pton(family, end[0]).ljust(16, b"\0") for end in (local, remote))
        identity = struct.pack("!HH", local[1], remote[1]) + source + destination + struct.pack("=III", 0, _ANY, _ANY)
        body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, _ANY) + identity
        head = struct.pack("=IHHII", 16 + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
        try:
            self._netlink.send(head + body)
            answer = self._netlink.recv(4096)
        except OSError:
            return None
        kind = struct.unpack_from("=H", answer, 4)[0]
        if kind != _SOCK_DIAG_BY_FAMILY:
            return None  # No such socket here: another machine, another namespace, or already closed.
        return int(struct.unpack_from("=I", answer, _RQUEUE_OFFSET)[0])

    def close(self) -> None:
        """Close the netlink socket."""
        if self._netlink is not None:
            self._netlink.close()
            self._netlink = None

    def __enter__(self) -> SegmentBarrier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
