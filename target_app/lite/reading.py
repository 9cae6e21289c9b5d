"""Reading in small parts, so that a client that sends a million small frames does not stop the others.

uvicorn handles all frames that it has received before it serves another connection, pings included, which no channel
sees. With uvloop it receives up to 8 MB at once. Here, bytes that are not handled yet wait in the kernel.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

PART_BYTES = 4_096
"""Bytes of one client that are handled in one iteration of the event loop: up to 682 frames, which take 5 ms."""


def brief(record: logging.LogRecord) -> bool:
    """Log a client's invalid UTF-8 without the traceback, which is no fault of the server [E3]. A filter."""
    if record.exc_info and isinstance(record.exc_info[1], UnicodeDecodeError):
        record.exc_info = None
    return True


class FairProtocol(WebSocketsSansIOProtocol):
    """One WebSocket: `uvicorn --ws target_app.lite.reading:FairProtocol`."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.logger.addFilter(brief)
        self.transport.pause_reading()
        self.loop.call_soon(self._begin)  # uvicorn sets the protocol of the transport after this method

    def _begin(self) -> None:
        if not self.transport.is_closing():
            self.transport.set_protocol(Parts(self))
            self.transport.resume_reading()

    def handle_cont(self, event: Any) -> None:
        """Limit the fragments of a message: uvicorn keeps them all, and empty ones add nothing to its size."""
        if len(self.frames) <= self.config.ws_max_size:
            super().handle_cont(event)
        elif not self.close_sent:
            self.conn.fail(1009, "too many fragments")
            self.handle_parser_exception()


class Parts(asyncio.BufferedProtocol):
    """What the transport calls in place of the protocol, with a buffer of its own for received bytes."""

    def __init__(self, protocol: FairProtocol) -> None:
        self._protocol, self._buffer = protocol, bytearray(PART_BYTES)
        for name in ("connection_lost", "eof_received", "pause_writing", "resume_writing"):
            setattr(self, name, getattr(protocol, name))

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, count: int) -> None:
        self._protocol.data_received(bytes(self._buffer[:count]))
        transport = self._protocol.transport
        if count == PART_BYTES and transport.is_reading():  # uvicorn pauses, too, while the channel has messages
            transport.pause_reading()
            self._protocol.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if not self._protocol.transport.is_closing():
            self._protocol.transport.resume_reading()
