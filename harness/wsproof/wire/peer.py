"""Client side of one connection, sans-I/O: bytes in, events out, bytes to send (RFC 6455, RFC 7692).

The peer audits strictly and never gives up: each mistake of a server becomes a `Breach`, and reading continues.
Everything that it sends by itself is legal. `send_frame` and `send_raw` send anything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wsproof.wire.audit import Breach, audit_close_payload, audit_frame, breach
from wsproof.wire.audit_handshake import agreed_deflate, audit_response
from wsproof.wire.codes import CloseCode, Opcode, is_close_code_sendable
from wsproof.wire.decoder import FrameDecoder
from wsproof.wire.deflate import Deflater, Inflater
from wsproof.wire.events import (
    Accepted,
    CloseReceived,
    Ended,
    Event,
    FrameReceived,
    PingReceived,
    PongReceived,
    Refused,
)
from wsproof.wire.extensions import DeflateAgreement
from wsproof.wire.frames import Frame, parse_close_payload
from wsproof.wire.handshake import Request, Response, ResponseParser
from wsproof.wire.messages import Assembler
from wsproof.wire.refusal import MAX_BODY_BYTES, BodyReader
from wsproof.wire.state import MOVES, IllegalMove, Move, State, next_state

__all__ = ["DEFAULT_MAX_MESSAGE_BYTES", "MOVES", "IllegalMove", "Move", "Peer", "SendRefused", "State"]

DEFAULT_MAX_MESSAGE_BYTES = 16 * 1024 * 1024


class SendRefused(ValueError):
    """Our own side asked for a legal frame in a state that forbids it. `send_frame` and `send_raw` still send it."""


_HTTP = b"HTTP/1."
_HTTP_SHOWN = 120


class Peer:
    """One connection from the client's point of view.

    Call `connect()` first. Then call in any order: `receive_data` with bytes from the socket, `events_received` for the
    resulting events, `data_to_send` for bytes to write. Call `receive_eof` at the end of the stream. `masking` returns
    a new 4-byte key for every frame. No method waits, and nothing that a server sends raises an exception.
    """

    def __init__(
        self,
        request: Request,
        *,
        masking: Callable[[], bytes],
        max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
        answer_pings: bool = True,
        answer_close: bool = True,
        keep_frames: bool = False,
    ) -> None:
        self.request = request
        self.state = State.CONNECTING
        self.response: Response | None = None
        self.deflate: DeflateAgreement | None = None
        self.breaches: list[Breach] = []
        self.close_sent: tuple[int | None, str] | None = None
        self.close_received: tuple[int | None, str] | None = None
        self.answer_pings = answer_pings
        self.answer_close = answer_close
        self.keep_frames = keep_frames
        self.max_message_bytes = max_message_bytes
        self._masking = masking
        self._head = ResponseParser()
        self._body: BodyReader | None = None
        self._decoder = FrameDecoder(max_payload_bytes=max_message_bytes)
        self._assembler = Assembler(self.breaches, max_message_bytes=max_message_bytes, inflater=None)
        self._deflater: Deflater | None = None
        self._events: list[Event] = []
        self._out: list[bytes] = []
        self._eof = False
        self._http = bytearray()
        self._is_http_reported = False

    # Bytes and events.

    def connect(self) -> None:
        """Put the opening handshake into `data_to_send`."""
        self.send_raw(self.request.encode())

    def receive_data(self, data: bytes | bytearray | memoryview) -> None:
        """Take bytes from the server, in pieces of any size. Raises ValueError after `receive_eof`."""
        if self._eof:
            raise ValueError("receive_data was called after receive_eof: no data can follow the end of the stream")
        if self.state is State.CONNECTING:
            self._receive_head(data)
        elif self.response is not None and self.response.status == 101:
            if self._http:
                self._take_http(data)
                return
            self._decoder.feed(data)
            self._read_frames()

    def receive_eof(self) -> None:
        """Handle the end of the stream: the last event is `Ended`. A second call does nothing."""
        if self._eof:
            return
        self._eof = True
        if self._body is not None and self.state is State.CONNECTING:
            self._refuse(self._body.body)
        self._report_http()
        clean = self.close_sent is not None and self.close_received is not None and self._decoder.is_between_frames
        self._move(Move.EOF)
        self._events.append(Ended(clean))

    def events_received(self) -> list[Event]:
        """Return the events since the last call."""
        events, self._events = self._events, []
        return events

    def data_to_send(self) -> bytes:
        """Return the bytes for the socket since the last call."""
        data = self._out[0] if len(self._out) == 1 else b"".join(self._out)
        self._out.clear()
        return data

    @property
    def is_between_messages(self) -> bool:
        """Whether the connection is open and between two messages. Then the fast path may take the next bytes."""
        between = self._decoder.is_between_frames and not self._assembler.is_in_message
        return self.state is State.OPEN and between and not self._http

    @property
    def is_between_frames(self) -> bool:
        """Whether the last byte received was the last one of a frame, or of the handshake's response."""
        return self._decoder.is_between_frames

    @property
    def reads_plain_frames(self) -> bool:
        """Whether `scan` would read the next ordinary frame with the same result: see `wire.reader`."""
        return self.is_between_messages and self.deflate is None and not self.keep_frames

    @property
    def http_behind(self) -> bytes:
        """The HTTP response that the server sent in place of frames, up to MAX_BODY_BYTES; empty without one."""
        return bytes(self._http)

    # Sending legal frames.

    @property
    def may_send(self) -> bool:
        """Whether a legal frame may be sent: the server has accepted, TCP is up, and we sent no close frame."""
        return self.state in (State.OPEN, State.CLOSING) and self.close_sent is None

    def send_text(self, text: str) -> None:
        """Send a text message in one frame, compressed if agreed. Raises SendRefused unless open."""
        self._send_message(Opcode.TEXT, text.encode())

    def send_binary(self, data: bytes) -> None:
        """Send a binary message in one frame, compressed if agreed. Raises SendRefused unless open."""
        self._send_message(Opcode.BINARY, data)

    def send_ping(self, payload: bytes = b"") -> None:
        """Send a ping of at most 125 bytes. Raises SendRefused unless open."""
        self._send_control(Opcode.PING, payload)

    def send_pong(self, payload: bytes = b"") -> None:
        """Send a pong of at most 125 bytes. Raises SendRefused unless open."""
        self._send_control(Opcode.PONG, payload)

    def send_close(self, code: int | None = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Send a close frame; the code may be any 16-bit number.

        Raises SendRefused unless open, or if a close frame was already sent.
        """
        payload = b"" if code is None else code.to_bytes(2, "big") + reason.encode()
        self._send_control(Opcode.CLOSE, payload)

    # Sending anything.

    def send_frame(self, frame: Frame, *, masked: bool = True) -> None:
        """Send a frame exactly as it is.

        A frame without a mask gets a key from `masking` unless `masked` is False. A CLOSE frame counts as our close
        frame, however wrong it is.
        """
        if masked and frame.mask is None:
            frame = replace(frame, mask=self._masking())
        self.send_raw(frame.encode())
        if frame.opcode == Opcode.CLOSE:
            self._note_close_sent(frame.payload)

    def send_raw(self, data: bytes) -> None:
        """Send any bytes at any time. They do not change the state."""
        self._out.append(data)

    def _send_message(self, opcode: Opcode, payload: bytes) -> None:
        self._require_open(opcode)
        if self._deflater is None:
            self.send_frame(Frame(opcode, payload))
        else:
            self.send_frame(Frame(opcode, self._deflater.deflate(payload), rsv=4))

    def _send_control(self, opcode: Opcode, payload: bytes) -> None:
        self._require_open(opcode)
        if len(payload) > 125:
            raise SendRefused(
                f"a {opcode.name} payload has at most 125 bytes, got {len(payload)} (RFC 6455 5.5); "
                "send_frame sends it anyway"
            )
        self.send_frame(Frame(opcode, payload))

    def _require_open(self, opcode: Opcode) -> None:
        if not self.may_send:
            closing = ", and our close frame is sent" if self.close_sent is not None else ""
            raise SendRefused(
                f"{opcode.name} needs an open connection; this one is {self.state.value}{closing}. "
                "send_frame and send_raw send it anyway"
            )

    def _note_close_sent(self, payload: bytes) -> None:
        if self.close_sent is None:
            code, reason = parse_close_payload(payload)
            self.close_sent = (code, reason.decode(errors="replace"))
        if (self.state, Move.SEND_CLOSE) in MOVES:  # in other states there is no connection to close
            self._move(Move.SEND_CLOSE)

    # Receiving.

    def _receive_head(self, data: bytes | bytearray | memoryview) -> None:
        if self._body is not None:
            self._receive_body(bytes(data))
            return
        self._head.feed(data)
        if self._head.fault is not None:
            self.breaches.append(breach("not-http", self._head.fault))
            self.response = Response(0, self._head.fault, http="")
            self._refuse(self._head.unread)
            return
        self.response = self._head.response
        if self.response is None:
            return
        self.breaches += audit_response(self.request, self.response)
        if self.response.status == 101:
            self._accept(self.response, self._head.rest)
        else:
            self._body = BodyReader(self.response)
            self._receive_body(self._head.rest)

    def _accept(self, response: Response, rest: bytes) -> None:
        self._move(Move.ACCEPT)
        self.deflate = agreed_deflate(response)
        if self.deflate is not None:
            self._deflater = Deflater(self.deflate)
            self._assembler = Assembler(
                self.breaches, max_message_bytes=self.max_message_bytes, inflater=Inflater(self.deflate)
            )
        self._events.append(Accepted(response))
        if rest:
            self._decoder.feed(rest)
            self._read_frames()

    def _receive_body(self, data: bytes) -> None:
        assert self._body is not None
        self._body.feed(data)
        if self._body.is_complete:
            self._refuse(self._body.body)

    def _refuse(self, body: bytes) -> None:
        assert self.response is not None
        self._move(Move.REFUSE)
        self._events.append(Refused(self.response, body))

    def _read_frames(self) -> None:
        while (frame := self._next_frame()) is not None:
            if self.keep_frames:
                self._events.append(FrameReceived(frame))
            self.breaches += audit_frame(frame, deflate=self.deflate is not None)
            if self.close_received is not None:
                rule = "control-after-close" if frame.is_control else "data-after-close"
                self.breaches.append(breach(rule, frame.describe()))
            handler = _HANDLERS.get(frame.opcode)
            if handler is not None:
                handler(self, frame)

    def _next_frame(self) -> Frame | None:
        # No legal frame starts with these bytes: they would be a fragmented close frame with RSV1.
        if self._decoder.starts_with(_HTTP):
            self._take_http(self._decoder.incomplete)
            return None
        return self._decoder.next_frame()

    def _take_http(self, data: bytes | bytearray | memoryview) -> None:
        self._http += data[: max(0, MAX_BODY_BYTES - len(self._http))]
        if b"\n" in self._http:
            self._report_http()

    def _report_http(self) -> None:
        """Report the HTTP response as a breach, once its first line is complete or the stream has ended."""
        if self._http and not self._is_http_reported:
            self._is_http_reported = True
            line = bytes(self._http).partition(b"\n")[0].rstrip(b"\r")[:_HTTP_SHOWN]
            self.breaches.append(breach("http-among-frames", ascii(line.decode("latin-1"))[1:-1]))

    def _on_data(self, frame: Frame) -> None:
        message = self._assembler.take(frame)
        if message is not None:
            self._events.append(message)

    def _on_ping(self, frame: Frame) -> None:
        self._events.append(PingReceived(frame.payload))
        # A pong is not required once we received a close frame (5.5.2), and nothing may follow our own close frame. A
        # payload over 125 bytes is the server's breach; echoing it would be ours.
        if self.answer_pings and self.state is State.OPEN and len(frame.payload) <= 125:
            self.send_frame(Frame(Opcode.PONG, frame.payload))

    def _on_pong(self, frame: Frame) -> None:
        self._events.append(PongReceived(frame.payload))

    def _on_close(self, frame: Frame) -> None:
        if self.close_received is not None:
            return
        faults = audit_close_payload(frame)
        self.breaches += faults
        code, reason = parse_close_payload(frame.payload)
        self.close_received = (code, reason.decode(errors="replace"))
        self._move(Move.RECEIVE_CLOSE)
        self._events.append(CloseReceived(*self.close_received))
        if self.answer_close and self.close_sent is None:
            # 5.5.1: the answer typically echoes the code. A code that must not be sent must not be echoed.
            echo = CloseCode.PROTOCOL_ERROR if faults else code
            self.send_close(echo if echo is None or is_close_code_sendable(echo) else CloseCode.PROTOCOL_ERROR)

    def _move(self, move: Move) -> None:
        self.state = next_state(self.state, move)


_HANDLERS: dict[int, Callable[[Peer, Frame], None]] = {
    Opcode.CONTINUATION: Peer._on_data,
    Opcode.TEXT: Peer._on_data,
    Opcode.BINARY: Peer._on_data,
    Opcode.CLOSE: Peer._on_close,
    Opcode.PING: Peer._on_ping,
    Opcode.PONG: Peer._on_pong,
}
