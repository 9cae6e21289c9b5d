"""uvicorn's WebSocket protocol with limits to what one peer may cost the others.

- uvicorn handles all bytes that it has received before it serves another connection. On a fast network that is many
  megabytes, or a million small frames: one peer stops the server for minutes. Here the peers take turns.
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

from target_app.frame_parser import FrameParser
from target_app.reading_turns import turns_of

FRAMES_AT_ONCE = 100
"""Frames that are handled in the iteration that has received them. They take about 1 ms."""

FRAMES_PER_TURN = 500
"""Frames of one peer that are handled in a later turn. They take about 5 ms."""

UNREADABLE = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class BoundedWSProtocol(WebSocketsSansIOProtocol):
    """One connection. While received frames wait to be handled, it reads no more of them."""

    parser_class: type[FrameParser] = FrameParser
    conn: FrameParser

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = self.parser_class(
            extensions=self.conn.available_extensions, max_size=config.ws_max_size, logger=self.conn.logger
        )
        self._has_asked = False
        self._has_no_reader = False
        self._is_lost = False
        self._lost_by: Exception | None = None

    # Reading in turns.

    def data_received(self, data: bytes) -> None:
        if self.conn.reader.is_interrupted:
            self.conn.reader.feed_data(data)
            return
        if self._handle(data, FRAMES_AT_ONCE):
            self.transport.pause_reading()
            self._ask()

    def _ask(self) -> None:
        if not self._has_asked:
            self._has_asked = True
            turns_of(self.loop).ask(self._take_turn)

    def _take_turn(self) -> None:
        self._has_asked = False
        if self.read_paused:  # the application has messages to handle first; `receive` asks for the next turn
            return
        if self.conn.reader.is_interrupted and self._handle(b"", FRAMES_PER_TURN):
            self._ask()
        elif self._is_lost:
            super().connection_lost(self._lost_by)
        elif not self.read_paused:
            self.transport.resume_reading()

    def _handle(self, data: bytes, frames: int) -> bool:
        """Handle the received frames up to this number, with `data` after them. Returns whether frames are left."""
        self.conn.reader.allow(frames)
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.transport.is_closing() and self.conn.state is CONNECTING:
            self.transport.write(b"".join(self.conn.data_to_send()) or UNREADABLE)
            self.transport.close()
        return self.conn.reader.is_interrupted

    async def receive(self) -> ASGIReceiveEvent:
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            self.read_paused = False
            if self.conn.reader.is_interrupted:
                self._ask()
            else:
                self.transport.resume_reading()
        return message

    async def run_asgi(self) -> None:
        try:
            await super().run_asgi()
        finally:
            self._has_no_reader = True
            if self.conn.reader.is_interrupted:
                self._read_without_application()

    def _read_without_application(self) -> None:
        """Look for the peer's close frame among the unread bytes. Nobody receives the messages before it."""
        if self._is_lost:
            self.conn.reader.discard()
        self.read_paused = False
        self._ask()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let the application receive all messages that had arrived before. It cannot send any more."""
        if not self.conn.reader.is_interrupted or self._has_no_reader:
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
        if not self._is_lost:
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
