"""uvicorn's WebSocket protocol with writes that bypass ASGI: `uvicorn --ws target_app.direct:DirectWSProtocol`.

With ASGI, every connection encodes, frames and writes every message separately, and no message aborts a connection.
This subclass puts a `Wire` (`writers.py`) into the scope. A broadcast is then framed once, and the backlog of a
connection is one write. The class also aborts connections that do not close, where uvicorn waits for a flush that never
ends. It answers handshakes as RFC 6455 demands, as far as the HTTP layer passes them on.

This relies on private names of uvicorn. A test compares them with the installed version.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import socket
from asyncio.transports import BaseTransport
from collections.abc import Callable
from typing import Any

from uvicorn.config import Config
from uvicorn.server import ServerState
from websockets.exceptions import InvalidHeaderFormat, PayloadTooBig
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.headers import parse_extension
from websockets.http11 import Request, Response

from target_app.direct_writer import DirectWriter
from target_app.eviction import RESET_ON_CLOSE
from target_app.flusher import Flusher
from target_app.frame_parser import FrameParser
from target_app.outbox import Outbox
from target_app.websocket_protocol import BoundedWSProtocol
from target_app.writers import DIRECT

GRACE = 1.0
"""Seconds that a connection closed by uvicorn gets to receive its last bytes."""

HOST = re.compile(r"(\[[0-9a-f:.]+\]|[\w.~%!$&'()*+,;=-]+)(:[0-9]*)?", re.ASCII | re.IGNORECASE)
"""RFC 3986 3.2: a name, an IPv4 address or an IPv6 address in brackets, and an optional port."""

CONTROL_BYTES = 125
"""Longest control frame. `websockets` counts it towards the size of the message that it interrupts."""

logger = logging.getLogger("target_app")


class Handshake(FrameParser):
    """The protocol core of `websockets`, without its deviations from RFC 6455."""

    def accept(self, request: Request) -> Response:
        complaint = _complaint(request)
        if complaint is not None:
            return self.reject(400, f"{complaint}\n")
        response = super().accept(request)
        versions = request.headers.get_all("Sec-WebSocket-Version")
        if response.status_code == 400 and versions and versions != ["13"]:  # section 4.4: name the supported version
            response = self.reject(426, "This server speaks version 13 of the WebSocket protocol.\n")
            response.headers["Sec-WebSocket-Version"] = "13"
            response.headers["Upgrade"] = "websocket"
        return response

    def recv_frame(self, frame: Frame) -> None:
        # Section 5.4: control frames may come between fragments, and do not count as part of the message.
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        elif frame.opcode in DATA_OPCODES and self.max_message_size is not None:
            room = self.max_message_size - CONTROL_BYTES - (self.current_size or 0)
            if len(frame.data) > room:
                raise PayloadTooBig(len(frame.data), room)
        super().recv_frame(frame)


def _complaint(request: Request) -> str | None:
    """Return what is wrong with a handshake that `websockets` accepts; None if nothing is."""
    hosts = request.headers.get_all("Host")
    if len(hosts) != 1 or HOST.fullmatch(hosts[0]) is None:  # section 4.2.1, and RFC 9112 3.2
        return "A handshake needs exactly one Host header, with a host in it."
    for value in request.headers.get_all("Sec-WebSocket-Extensions"):  # section 9.1
        try:
            parse_extension(value)
        except InvalidHeaderFormat as malformed:
            return f"Sec-WebSocket-Extensions cannot be read: {malformed}"
    return None


class DirectWSProtocol(BoundedWSProtocol):
    """One connection, and its `Wire`."""

    parser_class = Handshake

    # The attributes that every write reads, adjacent in memory: in a broadcast none of them is in the CPU cache.
    __slots__ = ("_descriptor", "_end_timer", "close_sent", "congested_since", "on_writable", "transport")

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn.max_message_size = config.ws_max_size + CONTROL_BYTES
        self.on_writable = _nobody_waits
        self.congested_since: float | None = None
        self._end_timer: asyncio.TimerHandle | None = None
        self._descriptor: int | None = None
        """File descriptor of a socket that may bypass the transport; None under TLS."""

    # The methods of `Wire`.

    def writer(self, outbox: Outbox, flusher: Flusher, failed: Callable[[], None]) -> DirectWriter:
        return DirectWriter(self, outbox, flusher, failed)

    def write(self, frames: bytes) -> bool:
        if self.close_sent or self.transport.is_closing():  # a close frame from the peer closes the transport, too
            return False
        # Event loops delay writes to the end of the iteration, when the connection is no longer in the CPU cache.
        if self._descriptor is not None and not self.transport.get_write_buffer_size():
            try:
                frames = frames[os.write(self._descriptor, frames) :]
            except BlockingIOError:
                pass  # the kernel buffer is full; the transport waits for it
            except OSError:
                return False  # the connection is gone; the event loop will notice, too
        if frames:
            self.transport.write(frames)
        return True

    def end_within(self, seconds: float) -> None:
        if self.disconnected:
            return
        if self._end_timer is not None:
            self._end_timer.cancel()
        self._end_timer = self.loop.call_later(seconds, self._reset)

    def _reset(self) -> None:
        self._end_timer = None
        if self.transport.get_write_buffer_size():
            logger.warning("cut sockets=1: its peer did not read")
            underneath = self.transport.get_extra_info("socket")
            if underneath is not None and underneath.family in (socket.AF_INET, socket.AF_INET6):
                underneath.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()

    # The methods that uvicorn and the event loop call.

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        if transport.get_extra_info("sslcontext") is None:
            self._descriptor = transport.get_extra_info("socket").fileno()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.congested_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.congested_since = None
        self.on_writable()

    def connection_lost(self, exc: Exception | None) -> None:
        self._descriptor = None
        super().connection_lost(exc)
        self.congested_since = None
        if self._end_timer is not None:
            self._end_timer.cancel()
        self.on_writable()
        self.on_writable = _nobody_waits  # breaks the reference cycle between writer and wire

    async def run_asgi(self) -> None:
        self.scope["extensions"] = {**(self.scope.get("extensions") or {}), DIRECT: self}  # type: ignore[dict-item]
        try:
            await super().run_asgi()
        finally:
            if self._end_timer is None and self.transport.is_closing():
                self.end_within(GRACE)

    def keepalive_timeout(self) -> None:
        super().keepalive_timeout()
        self.end_within(GRACE)

    def shutdown(self) -> None:
        super().shutdown()
        self.end_within(GRACE)


def _nobody_waits() -> None:
    """Do nothing. Used before a writer has taken the wire, and after its end."""
