"""Where connections come from: one address has only so many ports for connections to one server."""

from __future__ import annotations

import sys
from pathlib import Path

from wsproof.errors import UsageError
from wsproof.net.endpoint import Endpoint

PER_ADDRESS = 20_000
"""Connections from one loopback address. Linux keeps some 28,000 ports for them, and slows down as they run out."""
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def source_of(member: int, endpoint: Endpoint) -> tuple[str, int] | None:
    """The address that a member connects from; None leaves it to the system. On Linux all of 127.0.0.0/8 is ours."""
    number = member // PER_ADDRESS
    return (f"127.0.0.{1 + number}", 0) if number and _has_many(endpoint) else None


def require_ports(connections: int, endpoint: Endpoint) -> None:
    """See that there are ports for so many connections.

    Raises:
        UsageError: there are fewer.
    """
    if endpoint.unix is not None or not _RANGE.exists():
        return
    first, last = (int(word) for word in _RANGE.read_text().split())
    most = 254 * PER_ADDRESS if _has_many(endpoint) else last - first + 1
    if connections > most:
        raise UsageError(
            f"{connections} connections to {endpoint.host} need as many ports of this machine, which has {most} for "
            f"one server ({_RANGE}: {first} to {last}). Use at most {most} subscribers, or widen that range."
        )


def _has_many(endpoint: Endpoint) -> bool:
    return sys.platform == "linux" and endpoint.unix is None and endpoint.host.startswith("127.")
