"""Source addresses of connections: each address has a limited number of ports for connections to one server."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

from wsproof.errors import UsageError
from wsproof.net.endpoint import Endpoint

PER_ADDRESS = 20_000
"""Maximum number of connections from one loopback address. Linux has about 28,000 ephemeral ports for each, and slows
down as they run out."""
_NO_PORT_YET = 24
"""IP_BIND_ADDRESS_NO_PORT of <linux/in.h>, which Python's `socket` does not name."""
PORT_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
"""Linux' range of ephemeral ports."""


def source_of(member: int, endpoint: Endpoint) -> tuple[str, int] | None:
    """The source address of a member's connection; None leaves the choice to the system.

    On Linux every address of 127.0.0.0/8 can be used.
    """
    number = member // PER_ADDRESS
    return (f"127.0.0.{1 + number}", 0) if number and _has_many(endpoint) else None


def bind_source(sock: socket.socket, source: tuple[str, int]) -> None:
    """Set the source address of a socket that is not connected yet.

    The kernel chooses the port in `connect`, when the server is known. `bind` would need a port that is free for every
    server. Ports of an earlier run's connections in TIME_WAIT would then be unusable too.

    Raises:
        OSError: the address cannot be used.
    """
    sock.setsockopt(socket.IPPROTO_IP, _NO_PORT_YET, 1)
    sock.bind(source)


def require_ports(connections: int, endpoint: Endpoint) -> None:
    """Check that this machine has enough ports for this number of connections.

    Raises:
        UsageError: there are too few ports.
    """
    if endpoint.unix is not None or not PORT_RANGE.exists():
        return
    first, last = (int(number) for number in PORT_RANGE.read_text().split())
    most = 254 * PER_ADDRESS if _has_many(endpoint) else last - first + 1
    if connections > most:
        raise UsageError(
            f"{connections} connections to {endpoint.host} need as many ports of this machine, which has {most} for "
            f"one server ({PORT_RANGE}: {first} to {last}). Use at most {most} subscribers, or widen that range."
        )


def _has_many(endpoint: Endpoint) -> bool:
    return sys.platform == "linux" and endpoint.unix is None and endpoint.host.startswith("127.")
