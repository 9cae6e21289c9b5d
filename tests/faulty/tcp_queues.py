"""The bytes in the queues of this machine's open TCP connections, as Linux reports them.

Netlink's sock_diag lists open connections only. /proc/net/tcp also lists those closed in the last minute, which are
thousands during tests, so reading it takes twenty times as long. It is the fallback where netlink is forbidden.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_AND_DUMP = 0x301
_ERROR, _DONE = 2, 3
_TIME_WAIT, _LISTEN = 6, 10
_OPEN_STATES = 0xFFF & ~(1 << _TIME_WAIT) & ~(1 << _LISTEN)
_HEAD = struct.Struct("=IHHII")
_PORTS = struct.Struct("!HH")
_PORTS_OFFSET = _HEAD.size + 4
_QUEUES = struct.Struct("=II")
_QUEUES_OFFSET = _HEAD.size + 4 + 48 + 4  # Skips nlmsghdr, then inet_diag_msg up to idiag_rqueue.
_ANSWER_BYTES = 65_536
_TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Queues:
    """One end of a connection: its port, its peer's port, and the bytes in its two queues."""

    port: int
    peer_port: int
    unread: int
    unsent: int
    """Bytes that the peer has not acknowledged."""


def open_queues(port: int) -> list[Queues]:
    """Return the queues of both ends of the open IPv4 connections with this port at one end."""
    return _by_netlink(port) if _has_netlink() else _by_proc(port)


@cache
def _has_netlink() -> bool:
    try:
        _by_netlink(1)
    except OSError:
        return False
    return True


def _by_netlink(port: int) -> list[Queues]:
    return [*_with_ports(port, 0), *_with_ports(0, port)]


def _with_ports(port: int, peer_port: int) -> Iterator[Queues]:
    """Yield the ends with these ports, where 0 is any: the kernel leaves the others out."""
    body = struct.pack("=BBBBI", socket.AF_INET, socket.IPPROTO_TCP, 0, 0, _OPEN_STATES)
    body += _PORTS.pack(port, peer_port) + bytes(44)
    head = _HEAD.pack(_HEAD.size + len(body), _SOCK_DIAG_BY_FAMILY, _REQUEST_AND_DUMP, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(_TIMEOUT_S)
        netlink.send(head + body)
        while True:
            answer, at = netlink.recv(_ANSWER_BYTES), 0
            while at < len(answer):
                length, kind, *_ = _HEAD.unpack_from(answer, at)
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    raise OSError("the kernel has no sock_diag for TCP")
                ports = _PORTS.unpack_from(answer, at + _PORTS_OFFSET)
                yield Queues(*ports, *_QUEUES.unpack_from(answer, at + _QUEUES_OFFSET))
                at += (length + 3) & ~3


def _by_proc(wanted: int) -> list[Queues]:
    return [end for end in _all_by_proc() if wanted in (end.port, end.peer_port)]


def _all_by_proc() -> Iterator[Queues]:
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, remote, state, queues, *_ = line.split()
        if int(state, 16) not in (_TIME_WAIT, _LISTEN):
            port, peer_port = (int(end.partition(":")[2], 16) for end in (local, remote))
            unsent, unread = (int(queue, 16) for queue in queues.split(":"))
            yield Queues(port, peer_port, unread, unsent)
