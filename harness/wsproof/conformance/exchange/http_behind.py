"""HTTP responses in place of frames, with which some applications and proxies answer a message."""

from __future__ import annotations

from wsproof.net.client import Client

__all__ = ["http_line"]

_LONGEST = 60


def http_line(client: Client) -> str:
    """The status line of an HTTP response that came after the upgrade; empty if none came."""
    line = client.peer.http_behind.partition(b"\r")[0].partition(b"\n")[0]
    return ascii(line[:_LONGEST].decode("latin-1"))[1:-1]
