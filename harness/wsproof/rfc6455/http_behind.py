"""An HTTP response where frames should be: what some applications and proxies answer to a message."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.net.client import Client
from wsproof.wire import Event, FrameReceived

__all__ = ["http_line", "http_line_of"]

_BEGINS = b"HTTP/1."


def http_line_of(data: bytes) -> str:
    """The status line, if these bytes are an HTTP response; else empty."""
    if not data.startswith(_BEGINS):
        return ""
    line = data.partition(b"\r")[0].partition(b"\n")[0]
    return ascii(line[:60].decode("latin-1"))[1:-1]


def http_line(client: Client) -> str:
    """The status line of an HTTP response that came behind the upgrade; empty when none came.

    Its first bytes look like a frame with a payload of 84 bytes, which may not be complete. The client must keep its
    frames.
    """
    return next(filter(None, map(http_line_of, _candidates(client.events, client.peer.incomplete))), "")


def _candidates(events: Iterable[Event], incomplete: bytes) -> Iterable[bytes]:
    for event in events:
        if isinstance(event, FrameReceived):
            yield event.frame.encode()
    yield incomplete
