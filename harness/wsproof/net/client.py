"""Blocking client over `wire.Peer`: one connection, for the suites, Locust's greenlets and replays.

It uses only `socket` and `select.poll`, which gevent patches, and `ssl` without sockets. Every wait has a deadline, and
no wait is a sleep: each ends as soon as the server does something.
"""

from __future__ import annotations

import random
import select
import socket
from collections.abc import Callable
from types import TracebackType

from wsproof.errors import TargetError
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.connect import connect_stamped, reset_on_close
from wsproof.net.endpoint import Endpoint
from wsproof.net.kernel_clock import ANCILLARY_BYTES, KernelClock
from wsproof.net.tls_socket import TlsSocket
from wsproof.wire.events import Event
from wsproof.wire.handshake import Request, Response, random_key
from wsproof.wire.peer import DEFAULT_MAX_MESSAGE_BYTES, Peer
from wsproof.wire.reader import MessageReader
from wsproof.wire.state import State

_READ_BYTES = 65_536
_SEND_BYTES = 262_144
_READS_PER_TURN = 8


class Client:
    """One WebSocket connection. Keys and masks come from `seed`: the same seed sends the same bytes.

    `events` keeps everything that the server did, in order. `event_times_ns` has the time at which each event arrived,
    if the kernel stamps this connection, else the time at which it was read. `take_events` empties both; a long-lived
    client must call it. After the TCP connect, nothing that the server does raises an exception: see `ended`,
    `was_reset`, and `peer.breaches`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        deadline_s: float = 5.0,
        keep_frames: bool = False,
        receive_buffer: int | None = None,
        request: Request | None = None,
        seed: int = 0,
        max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES,
        answer_pings: bool = True,
        answer_close: bool = True,
    ) -> None:
        rng = random.Random(f"wsproof-client-{seed}")
        self.endpoint = endpoint
        self.deadline_s = deadline_s
        self._request = request
        self.peer = Peer(
            request if request is not None else endpoint.request(random_key(rng)),
            masking=lambda: rng.randbytes(4),
            max_message_bytes=max_message_bytes,
            answer_pings=answer_pings,
            answer_close=answer_close,
            keep_frames=keep_frames,
        )
        self._reader = MessageReader(self.peer)
        self.events: list[Event] = []
        self.event_times_ns: list[int] = []
        self.ended = False
        """The server closed TCP, by FIN or RST, and everything it sent before has been read."""
        self.was_reset = False
        """The server sent an RST, possibly in reply to something that we sent."""
        self._waiting: list[Event] = []
        self._receive_buffer = receive_buffer
        self._socket: socket.socket | TlsSocket | None = None
        self._clock: KernelClock | None = None
        self._last_ns = 0
        self._unsent = bytearray()
        self._reading = True
        self._writable = True

    def renewed(self, seed: int) -> Client:
        """A client with the same endpoint and settings, not connected yet, with the keys of another `seed`."""
        return Client(
            self.endpoint,
            deadline_s=self.deadline_s,
            receive_buffer=self._receive_buffer,
            request=self._request,
            seed=seed,
            max_message_bytes=self.peer.max_message_bytes,
            answer_pings=self.peer.answer_pings,
            answer_close=self.peer.answer_close,
            keep_frames=self.peer.keep_frames,
        )

    # Opening.

    def connect(self) -> None:
        """Open TCP (and TLS), and nothing else. Raises TargetError if that fails."""
        self._socket, is_stamped = connect_stamped(self.endpoint, self.deadline_s, self._receive_buffer)
        self._clock = KernelClock() if is_stamped else None

    def open(self) -> Response:
        """Open TCP and do the opening handshake.

        A refusal is returned too: see its status and `peer.state`.

        Raises:
            TargetError: the TCP connection failed, or there was no response.
        """
        self.connect()
        self.peer.connect()
        return self.finish_opening()

    def finish_opening(self) -> Response:
        """Wait for the answer to the opening handshake, as `open` does.

        Raises:
            TargetError: there was no response.
        """
        began_ns = now_ns()
        response = self.wait_response()
        if response is None:
            how = "closed the connection" if self.ended else f"sent nothing for {(now_ns() - began_ns) / 1e9:.2g} s"
            self.abort()
            raise TargetError(
                f"expected an answer to the WebSocket handshake at {self.endpoint.url}, but the server {how}. "
                "Is it a WebSocket server, and is ws:// or wss:// right?"
            )
        return response

    def wait_response(self, deadline_s: float | None = None) -> Response | None:
        """Send pending data, then wait for the handshake response with its body; None without one."""
        self._advance(lambda: self.peer.state is not State.CONNECTING, deadline_s)
        return self.peer.response

    # Sending.

    def send_text(self, text: str) -> bool:
        """Send a text message, then flush as `flush` does.

        Returns False, without sending, unless the connection is open.
        """
        return self._send(lambda: self.peer.send_text(text))

    def send_binary(self, data: bytes) -> bool:
        """Send a binary message, as `send_text` does."""
        return self._send(lambda: self.peer.send_binary(data))

    def send_ping(self, payload: bytes = b"", deadline_s: float | None = None) -> bool:
        """Send a ping of at most 125 bytes, as `send_text` does."""
        return self._send(lambda: self.peer.send_ping(payload), deadline_s)

    def send_close(self, code: int | None = 1000, reason: str = "") -> bool:
        """Send a close frame, as `send_text` does. Does not wait for the server's close frame: see `close`."""
        return self._send(lambda: self.peer.send_close(code, reason))

    def _send(self, send: Callable[[], None], deadline_s: float | None = None) -> bool:
        """Send a legal frame, unless the server has closed already, which is not a mistake of the caller."""
        if not self.peer.may_send:
            return False
        send()
        return self.flush(deadline_s)

    def send_raw(self, data: bytes) -> bool:
        """Flush pending data, then send these bytes in a segment of their own, as `flush` does."""
        self.flush()
        self.peer.send_raw(data)
        return self.flush()

    def flush(self, deadline_s: float | None = None) -> bool:
        """Write all pending data to the kernel, and read meanwhile to avoid a deadlock.

        Returns False if the server has ended the connection, or did not read within the deadline.
        """
        self._collect()
        return self._advance(lambda: not self._unsent, deadline_s) and self._writable

    # Receiving.

    def receive_nowait(self) -> bool:
        """Read what is available and send the required answers. False once the server has closed TCP."""
        for _ in range(_READS_PER_TURN):
            if not self._read():
                break
        self._write()
        return not self.ended

    def wait_event(
        self, predicate: Callable[[Event], bool] | None = None, deadline_s: float | None = None
    ) -> Event | None:
        """Return the first matching event that was not returned before, past events included.

        Returns None at the deadline, or when the connection ends.
        """
        fits = predicate if predicate is not None else lambda event: True
        seen = 0

        def found() -> bool:
            nonlocal seen
            while seen < len(self._waiting) and not fits(self._waiting[seen]):
                seen += 1
            return seen < len(self._waiting)

        return self._waiting.pop(seen) if self._advance(found, deadline_s) else None

    def wait_end(self, deadline_s: float | None = None) -> bool:
        """Wait until the server closes TCP; False at the deadline."""
        return self._advance(lambda: self.ended, deadline_s)

    def take_events(self) -> list[Event]:
        """Return all events so far and clear them."""
        taken, self.events, self.event_times_ns, self._waiting = self.events, [], [], []
        return taken

    def stop_reading(self) -> None:
        """Leave received data in the kernel from now on, as a slow consumer does. Waits for events end at once."""
        self._reading = False

    def resume_reading(self) -> None:
        """Start to read again."""
        self._reading = True

    def fileno(self) -> int:
        """Return the file descriptor of the socket, for the caller's own poll."""
        return self._connected().fileno()

    # Ending.

    def half_close(self) -> None:
        """Send FIN and keep reading. TLS sends no close_notify: this is about TCP."""
        sock = self._connected()
        self.flush()
        self._writable = False
        self._unsent.clear()
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.was_reset = True  # the server closed first

    def reset(self) -> None:
        """Send RST, as a crashed machine or a middlebox with a timeout does."""
        reset_on_close(self._connected())
        self.abort()

    def abort(self) -> None:
        """Close the socket without a close frame. Further calls do nothing."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def close(self, code: int | None = 1000, reason: str = "", deadline_s: float | None = None) -> bool:
        """Do the closing handshake (RFC 6455 7.1.2) within the deadline, then close the socket.

        Returns whether the close was clean: both close frames, then the server's FIN.
        """
        if self._socket is None:
            return False
        if self.peer.state is State.OPEN:
            self.peer.send_close(code, reason)
        if self.peer.state is not State.CONNECTING:
            self.resume_reading()
            self.wait_end(deadline_s)
        self.abort()
        return self.ended and self.peer.close_received is not None and self.peer.close_sent is not None

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()

    # Internals.

    def _connected(self) -> socket.socket | TlsSocket:
        if self._socket is None:
            raise RuntimeError("this Client has no socket: call connect() or open() first, and nothing after abort()")
        return self._socket

    def _advance(self, done: Callable[[], bool], deadline_s: float | None) -> bool:
        """Write and read until `done`; False when the deadline passes or nothing more can happen."""
        deadline = Deadline.after(self.endpoint.at_most(self.deadline_s if deadline_s is None else deadline_s))
        turns = 0
        while not done():
            if self._write() or self._read():
                turns += 1
                if turns % _READS_PER_TURN == 0:
                    self._wait_ready(0.0)  # a server that sends without pause must not starve other greenlets
                if deadline.passed:
                    return done()
            elif self.ended or not self._wait_ready(deadline.remaining_s):
                return done()
        return True

    def _wait_ready(self, timeout_s: float) -> bool:
        """Wait until the socket is ready; False at the timeout, or when there is nothing to wait for."""
        events = (select.POLLIN if self._reading else 0) | (select.POLLOUT if self._unsent else 0)
        if not events:
            return False
        poll = select.poll()
        poll.register(self._connected(), events)
        return bool(poll.poll(timeout_s * 1000))

    def _collect(self) -> None:
        """Take the bytes that the peer wants to send. They are discarded once the socket cannot send any more."""
        data = self.peer.data_to_send()
        if self._writable:
            self._unsent += data

    def _write(self) -> bool:
        """Send as much as possible without blocking. True when something changed."""
        self._collect()
        if not self._unsent:
            return False
        sock = self._connected()
        sock.settimeout(0.0)
        try:
            sent = sock.send(self._unsent[:_SEND_BYTES])
        except BlockingIOError:
            return False
        except OSError:  # the server has closed TCP, but data that it sent before may still be readable
            self._writable = False
            self.was_reset = True
            self._unsent.clear()
            return True
        del self._unsent[:sent]
        return True

    def _read(self) -> bool:
        """Read once without blocking. True when something changed."""
        if self.ended or not self._reading:
            return False
        sock = self._connected()
        sock.settimeout(0.0)
        try:
            data, stamp_ns = self._receive(sock)
        except BlockingIOError:
            return False
        except OSError:
            self.was_reset = True
            data, stamp_ns = b"", now_ns()
        if data:
            events = self._reader.read_events(data)
        else:
            events = self._reader.receive_eof()
            self.ended = True
        self.events += events
        self._waiting += events
        self.event_times_ns += [stamp_ns] * len(events)
        return True

    def _receive(self, sock: socket.socket | TlsSocket) -> tuple[bytes, int]:
        """Read once. Returns the data and the time at which the last of it arrived, or was read."""
        if self._clock is None:
            return sock.recv(_READ_BYTES), now_ns()
        self._clock.check_when_due(now_ns())
        data, ancillary, _, _ = sock.recvmsg(_READ_BYTES, ANCILLARY_BYTES)
        read_ns = now_ns()
        at_ns = self._clock.monotonic_ns(ancillary, read_ns) or read_ns
        self._last_ns = max(at_ns, self._last_ns)  # the wall clock may have been set back
        return data, self._last_ns
