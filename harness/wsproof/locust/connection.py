"""One user's connection: a read callback of gevent's event loop, and `wire.MessageReader` for what it reads.

The event loop calls `_on_readable` when bytes are available, and each call reads once, at most READ_BYTES. So no
greenlet is woken per message, and a server that never stops sending cannot starve other connections. `ReadingTurns`
lets the connections take turns if all are full. The callback must not block.
"""

from __future__ import annotations

import random
import socket
from time import monotonic_ns
from typing import Any, Protocol

import gevent
from gevent.event import Event

from wsproof.errors import TargetError
from wsproof.locust.generator_fault import HandshakeAbandoned, HandshakeBroken, LoopTimeout
from wsproof.locust.reading_turns import ReadingTurns
from wsproof.net.connect import connect_stamped
from wsproof.net.endpoint import Endpoint
from wsproof.net.kernel_clock import ANCILLARY_BYTES, KernelClock
from wsproof.net.receive_queue import receive_queue
from wsproof.net.tls_socket import TlsSocket
from wsproof.wire import (
    BinaryMessage,
    Breach,
    Frame,
    MessageDropped,
    MessageReader,
    Opcode,
    Peer,
    Response,
    State,
    TextMessage,
    random_key,
)
from wsproof.wire.events import Event as PeerEvent

READ_BYTES = 8_192
"""Bytes per read. The CPU time per message is the same with 64 KiB."""
LARGE_READ_BYTES = READ_BYTES // 2
"""Only a read of at least this many bytes is checked for a full receive buffer. A smaller one has emptied it."""
WHOLE_BUFFER_BYTES = 65_536
"""Bytes per read of a connection that reads slowly on purpose. Its receive buffer is smaller."""
CLOCK = KernelClock()
"""The clock of all connections of this process."""
TURNS = ReadingTurns()
"""The turns of all connections of this process."""


class StepOver(Exception):
    """A step of a wait has ended, and nothing has arrived."""


class ConnectionListener(Protocol):
    """Receiver of a connection's events: a `RunReceiver`, or a `MemberConversation` while the member joins.

    None of these methods may block.
    """

    def hear(self, member: int, frame: bytes, payload: bytes, is_text: bool, now_ns: int) -> int:
        """Take a frame, and return the number of its messages. `frame` is its key: equal frames are equal messages.

        Raises:
            UnicodeDecodeError: a text message is not UTF-8.
        """

    def unexpected(self, member: int, text: str, now_ns: int) -> None:
        """Take the description of input that is not a valid message."""

    def breach(self, member: int, breach: Breach) -> None:
        """Take a protocol violation of a server frame."""

    def interval(self, row: tuple[int, int, int, int]) -> None:
        """Take a row of `ArrivalStamps.intervals`: messages that were read together."""

    def queued(self, row: tuple[int, int, int]) -> None:
        """Take a row of `ArrivalStamps.queues`: a large read."""

    def ended(self, member: int, close_code: int | None) -> None:
        """Take the end of a connection that the server ended unasked."""

    def crashed(self, member: int, fault: Exception) -> None:
        """Take a crash of the connection's own code. The connection is closed."""


class GeventConnection:
    """A member's connection. Call `open`, then `listen`; then `send` at any time; finally `close` or `abort`."""

    def __init__(
        self,
        member: int,
        endpoint: Endpoint,
        listener: ConnectionListener,
        *,
        seed: int,
        deadline_s: float = 10.0,
        receive_buffer: int | None = None,
    ) -> None:
        rng = random.Random(f"wsproof-line-{seed}")
        self.member = member
        self.endpoint = endpoint
        self.peer = Peer(endpoint.request(random_key(rng)), masking=lambda: rng.randbytes(4))
        self.gone = Event()
        """Set when the connection has ended."""
        self.listener = listener
        """The listener for received messages. It may be replaced at any time."""
        self.sent_ns = 0
        """The time at which the last message was handed to the kernel, after it was encoded."""
        self._deadline_s = deadline_s
        self._receive_buffer = receive_buffer
        self._socket: socket.socket | TlsSocket | None = None
        self._closing = False
        self._reader = MessageReader(self.peer)
        self._clock: KernelClock | None = None
        self._is_exact = False
        """Whether the last read has an exact time."""
        self._opened_ns = 0
        """The arrival time of the last part of the handshake's response, and the bytes after it."""
        self._last_ns = monotonic_ns()
        """The last stamp. The next data that is read arrived after it."""
        self._messages = 0
        """Messages of the current read, and those of its last frame, which arrived together."""
        self._in_last_frame = 0
        self._unsent = bytearray()
        self._is_slow = False
        """Whether the connection has stopped reading on purpose."""
        self._round = 0
        """The round of the latest read (`ReadingTurns`)."""
        self._readable: Any = None
        self._writable: Any = None

    # Opening.

    def open(self) -> Response:
        """Connect with TCP, and TLS if the endpoint uses it, and do the opening handshake.

        Returns the response even if the server refuses, so check its status.

        Raises:
            TargetError: no server answers, or the answer is not an HTTP response.
            HandshakeAbandoned: the server has not answered within the deadline.
            HandshakeBroken: the server ended the connection instead of answering.
        """
        self._socket, is_stamped = connect_stamped(self.endpoint, self._deadline_s, self._receive_buffer)
        self._clock = CLOCK if is_stamped else None
        self.peer.connect()
        kind: type[TargetError] = HandshakeBroken
        answered = "closed the connection"
        try:
            self._socket.sendall(self.peer.data_to_send())
            self._read_response(self._socket)
        except TimeoutError:
            kind, answered = HandshakeAbandoned, f"sent nothing for {self._deadline_s:g} s"
        except OSError as error:
            answered = f"broke the connection ({error.strerror or error})"
        if self.peer.response is None or self.peer.state is State.CONNECTING:
            # The caller aborts, after it has recorded the departure: others may receive a notice before `abort`
            # returns.
            raise kind(
                f"expected an answer to the WebSocket handshake at {self.endpoint.url}, but the server {answered}. "
                "Is it a WebSocket server, and is ws:// or wss:// right?"
            )
        return self.peer.response

    def _read_response(self, sock: socket.socket | TlsSocket) -> None:
        """Read until the handshake has ended.

        Raises:
            TimeoutError: nothing has arrived within the deadline. A frozen event loop does not use it up.
        """
        sock.settimeout(None)
        timeout = LoopTimeout(self._deadline_s)
        while self.peer.state is State.CONNECTING:
            try:
                # `recv` of gevent first looks whether something has arrived, then waits.
                with gevent.Timeout(timeout.step_s, StepOver):
                    data, self._opened_ns = self._receive(sock)
            except StepOver:
                if not timeout.spend():
                    raise TimeoutError from None
                continue
            if not data:
                self.peer.receive_eof()
                return
            self.peer.receive_data(data)

    def listen(self) -> None:
        """Start reporting received messages to the listener."""
        assert self._socket is not None
        self._socket.settimeout(0.0)
        loop = gevent.get_hub().loop
        self._readable = loop.io(self._socket.fileno(), 1)
        self._writable = loop.io(self._socket.fileno(), 2)
        # Frames that came with the handshake's response.
        self._follow(self.peer.events_received(), self._opened_ns)
        self._note_stamp(0, self._opened_ns)
        if not self.gone.is_set():
            self._readable.start(self._on_readable)

    def stop_reading(self) -> None:
        """Leave what arrives in the kernel's receive buffer. The end of the connection is not noticed any more."""
        self._is_slow = True
        if self._readable is not None:
            self._readable.stop()

    def read_once(self) -> None:
        """Read what the kernel has, once, although the connection has stopped reading."""
        if self._readable is not None:
            self._read_guarded(WHOLE_BUFFER_BYTES)

    # Sending.

    def send(self, message: str | bytes) -> bool:
        """Send a message without blocking. Returns False if the connection is not open.

        Bytes that do not fit into the kernel's send buffer are sent as soon as it has room.
        """
        if self.gone.is_set() or self._closing or self.peer.state is not State.OPEN:
            return False
        if isinstance(message, str):
            self.peer.send_text(message)
        else:
            self.peer.send_binary(message)
        self.sent_ns = monotonic_ns()
        self._write()
        return True

    @property
    def unsent_bytes(self) -> int:
        """Bytes that wait for room in the kernel's send buffer."""
        return len(self._unsent)

    # Ending.

    def close(self, deadline_s: float) -> None:
        """Send a close frame (1000), wait up to the deadline for the server to end the connection, then abort it.

        A connection that has stopped reading is aborted at once: it would not see the server's answer.
        """
        if self._socket is None:
            return
        self._closing = True
        if self.peer.state is State.OPEN and not self.gone.is_set() and not self._is_slow:
            self.peer.send_close()
            self._write()
            try:
                self.gone.wait(deadline_s)
            finally:
                self.abort()
        self.abort()

    def abort(self) -> None:
        """Close the socket now. Does nothing the second time."""
        self._closing = True
        for watcher in (self._readable, self._writable):
            if watcher is not None:
                watcher.stop()
                watcher.close()
        self._readable = self._writable = None
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self.gone.set()

    # Callbacks of the event loop.

    def _on_readable(self) -> None:
        if TURNS.may_read(self._round):
            self._round = TURNS.round
            self._read_guarded(READ_BYTES)
            TURNS.has_read(self._messages)

    def _read_guarded(self, most_bytes: int) -> None:
        try:
            self._read(most_bytes)
        except Exception as fault:  # noqa: BLE001 - otherwise a crash would be a line on stderr and a user that receives nothing
            self._crash(fault)

    def _on_writable(self) -> None:
        try:
            self._write()
        except Exception as fault:  # noqa: BLE001 - as above
            self._crash(fault)

    def _read(self, most_bytes: int) -> None:
        assert self._socket is not None
        try:
            data, at_ns = self._receive(self._socket, most_bytes)
        except BlockingIOError:
            return
        except OSError:
            data, at_ns = b"", 0
        if not data:
            self._end()
            return
        self._messages = self._in_last_frame = 0
        events = self._reader.read(data, self._take_frames, at_ns)
        if events is not None:
            self._follow(events, at_ns)
        self._note_stamp(len(data), at_ns)

    def _note_stamp(self, read_bytes: int, at_ns: int) -> None:
        """Note the less exact times: of messages without a stamp of their own, and of a full receive buffer."""
        if self._is_slow:
            return
        uncertain = self._messages - (self._in_last_frame if self._is_exact and self._reader.is_between_frames else 0)
        if uncertain > 0:
            self.listener.interval((self._last_ns, at_ns, uncertain, at_ns))
        if read_bytes >= LARGE_READ_BYTES and self._clock is not None and self._socket is not None:
            queued_bytes, window_bytes = receive_queue(self._socket, read_bytes)
            self.listener.queued((at_ns, queued_bytes, window_bytes))
        if self._is_exact and read_bytes < READ_BYTES:
            self._last_ns = at_ns

    def _receive(self, sock: socket.socket | TlsSocket, most_bytes: int = READ_BYTES) -> tuple[bytes, int]:
        """Read once. Returns the data and the time at which the last of it arrived, or was read."""
        if self._clock is not None:
            data, ancillary, _, _ = sock.recvmsg(most_bytes, ANCILLARY_BYTES)
            read_ns = monotonic_ns()
            at_ns = self._clock.monotonic_ns(ancillary, read_ns)
            self._is_exact = at_ns is not None and (not isinstance(sock, TlsSocket) or sock.is_exact)
            return data, max(at_ns or read_ns, self._last_ns)  # the wall clock may have been set back
        return sock.recv(most_bytes), monotonic_ns()

    @property
    def is_stamped(self) -> bool:
        """Whether the kernel stamps what the connection receives."""
        return self._clock is not None

    def _take_frames(self, data: bytes, spans: list[int], now_ns: int) -> int:
        start = 0
        for at in range(0, len(spans), 2):
            begin, close = spans[at], spans[at + 1]
            # Usually one frame fills the read. Then this slice is `data` itself and copies nothing.
            frame = data[start:close]
            try:
                is_text = frame[0] & 0x0F == Opcode.TEXT
                self._in_last_frame = self.listener.hear(self.member, frame, data[begin:close], is_text, now_ns)
            except UnicodeDecodeError:
                return at // 2
            self._messages += self._in_last_frame
            start = close
        return len(spans) // 2

    def _follow(self, events: list[PeerEvent], now_ns: int) -> None:
        """Handle the peer's events and breaches, and send the answers that the protocol requires."""
        peer = self.peer
        for event in events:
            if isinstance(event, TextMessage):
                self._hear(Opcode.TEXT, event.text.encode(), now_ns)
            elif isinstance(event, BinaryMessage):
                self._hear(Opcode.BINARY, event.data, now_ns)
            elif isinstance(event, MessageDropped):
                self.listener.unexpected(self.member, f"a message that could not be read: {event.why}", now_ns)
        for breach in peer.breaches:
            self.listener.breach(self.member, breach)
        peer.breaches.clear()
        self._write()
        if peer.close_received is not None and not self._closing:
            self._end()  # the peer has answered the close frame, and no more frames may follow

    def _hear(self, opcode: Opcode, payload: bytes, now_ns: int) -> None:
        """Take a message that the peer assembled, under the key that a plain frame of it has."""
        frame = Frame(opcode, payload).encode()
        self._in_last_frame = self.listener.hear(self.member, frame, payload, opcode is Opcode.TEXT, now_ns)
        self._messages += self._in_last_frame

    def _write(self) -> None:
        """Send as much as fits into the kernel's send buffer. The event loop calls again for the rest."""
        self._unsent += self.peer.data_to_send()
        if self._socket is None:
            return
        try:
            while self._unsent:
                sent = self._socket.send(self._unsent)
                if not sent:
                    break
                del self._unsent[:sent]
        except BlockingIOError:
            pass
        except OSError:  # the server has gone, but its last messages may still be readable
            self._unsent.clear()
        if self._writable is None:
            return
        if self._unsent and not self._writable.active:
            self._writable.start(self._on_writable)
        elif not self._unsent and self._writable.active:
            self._writable.stop()

    def _end(self) -> None:
        close_frame = self.peer.close_received
        is_ours = self._closing
        self.abort()
        if not is_ours:
            self.listener.ended(self.member, None if close_frame is None else close_frame[0])

    def _crash(self, fault: Exception) -> None:
        self.abort()
        self.listener.crashed(self.member, fault)
