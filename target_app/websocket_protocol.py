"""uvicorn's WebSocket protocol with limits to what one peer may cost the others.

- uvicorn handles all bytes that it has received before it serves another connection. On a fast network that is many
  megabytes, or a million small frames: one peer stops the server for minutes. Here each peer is read in slices.
- uvicorn keeps every fragment of an unfinished message. Empty ones count nothing towards the size of the message, so
  here their number has a limit, too.
- uvicorn answers nothing to a handshake that `websockets` cannot parse, and keeps the connection. Here it is refused.

This relies on private names of uvicorn. A test compares them with the installed version.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn._types import ASGIReceiveEvent
from uvicorn.config import Config
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame
from websockets.protocol import CONNECTING

from target_app.reading_turns import turns_of

SLICE_BYTES = 8_192
"""Bytes that are handled at once: up to 1,365 of the smallest frames, which take about 10 ms."""

UNREADABLE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedWSProtocol(WebSocketsSansIOProtocol):
    """One connection. While received bytes wait to be handled, it reads no more of them."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._unread = b""
        """Received bytes. Those before `_position` have been handled."""
        self._position = 0
        self._has_asked = False
        self._has_no_reader = False
        self._is_lost = False
        self._lost_by: Exception | None = None

    # Reading in slices.

    def data_received(self, data: bytes) -> None:
        if len(data) <= SLICE_BYTES and not self._unread:
            self._handle(data)
            return
        self._unread = self._unread[self._position :] + data
        self._position = 0
        self.transport.pause_reading()
        self._ask()

    def _ask(self) -> None:
        if not self._has_asked:
            self._has_asked = True
            turns_of(self.loop).ask(self._handle_slice)

    def _handle_slice(self) -> None:
        self._has_asked = False
        if self.read_paused:  # the application has messages to handle first; `receive` asks for the next turn
            return
        begin, self._position = self._position, self._position + SLICE_BYTES
        if begin < len(self._unread):
            self._handle(self._unread[begin : self._position])
        if self._position < len(self._unread):
            self._ask()
            return
        self._unread = b""
        if self._is_lost:
            super().connection_lost(self._lost_by)
        elif not self.read_paused:
            self.transport.resume_reading()

    def _handle(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.transport.is_closing() and self.conn.state is CONNECTING:
            self.transport.write(b"".join(self.conn.data_to_send()) or UNREADABLE)
            self.transport.close()

    async def receive(self) -> ASGIReceiveEvent:
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            if self._unread:
                self._ask()
            else:
                self.transport.resume_reading()
        return message

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            self._has_no_reader = True
            if self._unread:
                self._read_without_application()

    def _read_without_application(self) -> None:
        """Look for the peer's close frame among the unread bytes. Nobody receives the messages before it."""
        if self._is_lost:
            self._unread = b""
        self.read_paused = False
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the application receive all messages that had arrived before. It cannot send any more."""
        if not self._unread or self._has_no_reader:
            super().connection_lost(exc)
            return
        self.stop_keepalive()
        self._is_lost, self._lost_by = True, exc
        self.disconnected = True
        self.writable.set()
        self._ask()

    def handle_ping(self) -> None:
        if not self._is_lost:  # uvloop raises RuntimeError for a write to a closed transport
            super().handle_ping()

    def handle_parser_exception(self) -> None:
        if self._is_lost:
            self._unread = b""
        else:
            super().handle_parser_exception()

    # Fragments.

    def handle_cont(self, event: Frame) -> None:
        if self.close_sent:
            return
        if len(self.frames) <= self.config.ws_max_size:
            super().handle_cont(event)
            return
        self.frames = []
        self.conn.fail(CloseCode.MESSAGE_TOO_BIG, "too many fragments")
        self.handle_parser_exception()
