"""Limits unread answers: a peer that sends pings and reads no pongs would use more and more memory.

uvicorn writes each pong at once into the buffer of the transport, which has no limit, and continues to read. The outbox
does not see these bytes. So a task checks the buffers of the transports.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from target_app.settings import Settings

SLACK_BYTES = 1 << 20
"""Bytes in addition to the outbox limit and the messages that are being written."""

ESCAPED = 8
"""Factor by which a message may grow in its answer, as escaped JSON in an envelope."""


def most_unread(settings: Settings) -> int:
    """Return the bytes that may wait in the transport of one WebSocket. The application never sends more."""
    return SLACK_BYTES + settings.outbox_bytes + ESCAPED * settings.max_message_bytes


def cut_off(connections: Iterable[Any], most_bytes: int) -> int:
    """Cut off each uvicorn WebSocket with more unread bytes. Returns their number."""
    sockets = [connection for connection in connections if not hasattr(connection, "cycle")]
    stuck = [socket for socket in sockets if socket.transport.get_write_buffer_size() > most_bytes]
    for connection in stuck:
        connection.transport.abort()
    return len(stuck)
