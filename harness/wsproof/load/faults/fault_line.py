"""The connection of one faulty client: it joins, and then does what its kind does."""

from __future__ import annotations

import asyncio
import select
import socket
from typing import cast

from wsproof.load.faults.dialling import reset
from wsproof.load.faults.joining_client import JoiningClient
from wsproof.model.fault_load import FaultKind
from wsproof.net.clock import now_ns
from wsproof.wire import Frame, Opcode

PINGS = 1_000
"""Pings of a client that fills its buffers: their answers fill the kernel's and those of usual servers (64 KiB)."""
_PING = b"unread-" * 17 + b"-ping!"
BYTE_S = 0.1
"""Seconds between two bytes of a slow handshake."""
UNFINISHED_BYTES = 4
"""Bytes of a slow handshake that are never sent."""
LEAVES_S = 5.0
"""Seconds that the server gets to end the connection of a client that has closed it or sent garbage."""
NO_HTTP = bytes(range(128, 256)) + b"\r\n\r\n"
FORBIDDEN_FRAMES = (Frame(0x0B, b"garbage"), Frame(Opcode.PING, b"garbage", fin=False))
"""Control frames that fail the connection (RFC 6455 5.2, 5.5). No server hands them to an application."""
_HUNG_UP = select.POLLHUP | select.POLLERR | getattr(select, "POLLRDHUP", 0)


class FaultLine(asyncio.Protocol):
    """One faulty client. `variant` chooses its garbage. `fills`: a stalled client sends pings first."""

    def __init__(self, kind: FaultKind, client: JoiningClient, variant: int = 0, *, fills: bool = False) -> None:
        self.kind = kind
        self.client = client
        self.has_connected = False
        self.has_acted = False
        """Whether the client has done what its kind does."""
        self.is_ours = False
        """Whether we ended the connection, or asked for its end."""
        self.ended = asyncio.get_running_loop().create_future()
        self._variant = variant
        self._fills = fills
        self._transport: asyncio.Transport | None = None
        self._handshake = b""

    # Callbacks of the transport.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.has_connected = True
        first = self.client.start()
        if self.kind is FaultKind.SLOW_HANDSHAKE:
            self._handshake = first[:-UNFINISHED_BYTES]
            self.has_acted = True
            self._send_byte()
        elif self.kind is FaultKind.GARBAGE and self._variant % 2 == 0:
            self._send_garbage(NO_HTTP)
        else:
            transport.write(first)

    def data_received(self, data: bytes) -> None:
        if self.has_acted and self.kind is not FaultKind.CHURN:
            return
        assert self._transport is not None
        answer = self.client.receive(data, now_ns())
        if answer:
            self._transport.write(answer)
        if self.client.refusal or self.client.is_closed:
            self._transport.close()
        elif self.client.has_joined and not self.has_acted:
            self.has_acted = True
            self._act(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.client.end()
        if not self.ended.done():
            self.ended.set_result(None)

    @property
    def was_cut_off(self) -> bool:
        """Whether the server has ended the connection of a client that had not asked for it."""
        if self.is_ours or not self.has_acted:
            return False
        return self.ended.done() or self._has_hung_up()

    def _has_hung_up(self) -> bool:
        """Whether the server has ended the connection: a client that reads nothing is not told."""
        sock = cast(socket.socket | None, self._transport.get_extra_info("socket")) if self._transport else None
        if sock is None or sock.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(sock.fileno(), _HUNG_UP)
        return bool(poll.poll(0))

    def abort(self) -> None:
        """End the connection at once."""
        self.is_ours = True
        if self._transport is not None:
            self._transport.abort()

    # Faults.

    def _act(self, transport: asyncio.Transport) -> None:
        match self.kind:
            case FaultKind.STALLED:
                transport.pause_reading()
                if self._fills:
                    transport.write(b"".join(self.client.ping(_PING) for _ in range(PINGS)))
            case FaultKind.SILENT:
                transport.pause_reading()
            case FaultKind.RESET:
                self.is_ours = True
                reset(transport)
            case FaultKind.CHURN:
                self.is_ours = True
                transport.write(self.client.close())
                self._leave_later()
            case FaultKind.GARBAGE:
                frame = FORBIDDEN_FRAMES[self._variant // 2 % len(FORBIDDEN_FRAMES)]
                self.client.peer.send_frame(frame)
                self._send_garbage(self.client.peer.data_to_send())
            case FaultKind.SLOW_HANDSHAKE:
                pass  # it never joins

    def _send_garbage(self, data: bytes) -> None:
        assert self._transport is not None
        self.has_acted = self.is_ours = True
        self._transport.write(data)
        self._leave_later()

    def _leave_later(self) -> None:
        asyncio.get_running_loop().call_later(LEAVES_S, self.abort)

    def _send_byte(self) -> None:
        if self._handshake and self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._handshake[:1])
            self._handshake = self._handshake[1:]
            asyncio.get_running_loop().call_later(BYTE_S, self._send_byte)
