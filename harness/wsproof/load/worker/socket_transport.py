"""A member's socket on the event loop: reads carry the kernel's time, and writes reach the kernel at once.

The loops' own transports can do neither. uvloop's keep a write until the end of the loop's iteration, which made a
publisher's frame 45 us late. (`python -m benchmarks.truth`)
"""

from __future__ import annotations

import socket
from time import monotonic_ns
from typing import Protocol

from wsproof.load.worker.socket_poller import IDLE_NS, SocketPoller
from wsproof.net.kernel_clock import ANCILLARY_BYTES, KernelClock, unpack_stamp, wall_time_ns
from wsproof.net.receive_queue import LARGE_READ_BYTES, receive_queue
from wsproof.net.send_stamps import MOST_BYTES, does_kernel_stamp_sends, drain, is_idle, send_stamped

READ_BYTES = 64 * 1024
"""Bytes per read. The C library allocates and shrinks a buffer of this size at once. A read of 120 bytes takes 2.9 us;
into a buffer of our own, and copied from there, it takes 3.3 us."""
STAMP_GAP_NS = 500_000
"""Shortest time, in ns, between two stamped writes of a worker. A stamp costs 6 us, about as much as the write."""


class TransportReader(Protocol):
    """The receiver of the transport's data."""

    def received(self, data: bytes, at_ns: int, now_ns: int) -> None:
        """Take data that had arrived by `at_ns`, by the kernel's clock, and was read at `now_ns`."""

    def received_by(self, data: bytes, latest_ns: int, now_ns: int) -> None:
        """Take data of which only the latest time of arrival is known, not after it was read at `now_ns`."""

    def found_queued(self, queued_bytes: int, window_bytes: int, at_ns: int) -> None:
        """Note a read that found this many bytes waiting. The server may send at most `window_bytes` ahead."""

    def eof_received(self) -> None:
        """Take the end of the stream."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection. Nothing follows."""


class SocketTransport:
    """Reads and writes of one connected socket. `is_stamped`: the kernel stamps what it receives (`request_stamps`)."""

    __slots__ = (
        "_clock",
        "_has_ended",
        "_is_closing",
        "_poller",
        "_reader",
        "_recvmsg",
        "_socket",
        "_unsent",
        "is_stamped",
    )

    def __init__(
        self,
        poller: SocketPoller,
        sock: socket.socket,
        reader: TransportReader,
        clock: KernelClock,
        *,
        is_stamped: bool = True,
    ) -> None:
        self.is_stamped = is_stamped
        self._poller = poller
        self._socket = sock
        self._recvmsg = sock.recvmsg
        self._reader = reader
        self._clock = clock
        self._unsent: bytearray | None = None
        self._is_closing = False
        self._has_ended = False

    def start(self) -> None:
        """Begin to read."""
        if not self._is_closing:
            self._poller.add(self._socket.fileno(), self._on_readable, self._on_end)

    def take_back(self) -> tuple[int, bytes] | None:
        """Nobody but the reader reads: there is nothing to take back."""
        return None

    # Writing and ending, as an asyncio transport does.

    def write(self, data: bytes) -> None:
        """Send data. The rest that the kernel does not take is buffered, and sent as soon as there is room."""
        if self._is_closing or not data:
            return
        if self._unsent:
            self._unsent += data
        else:
            self._keep_rest(data, self._send(data))

    def write_stamped(self, data: bytes) -> int:
        """Send data. Returns the time at which a network device took it, if the kernel tells, else the time before."""
        before_ns = monotonic_ns()
        if before_ns < self._poller.next_stamp_ns or not self._may_stamp(data):
            self.write(data)
            return before_ns
        self._poller.next_stamp_ns = before_ns + STAMP_GAP_NS
        try:
            sent, wall_ns = send_stamped(self._socket, data)
        except (BlockingIOError, InterruptedError):
            sent, wall_ns = 0, None
        except OSError:
            return before_ns  # as in `_send`
        self._keep_rest(data, sent)
        at_ns = before_ns if wall_ns is None else wall_ns - self._clock.offset_ns
        return at_ns if before_ns <= at_ns <= monotonic_ns() else before_ns

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return len(self._unsent) if self._unsent else 0

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._is_closing

    def close(self) -> None:
        """Stop reading, send the buffered data, and close the socket."""
        if self._is_closing:
            return
        self._is_closing = True
        if self._unsent:
            self._poller.stop_reading(self._socket.fileno())
        else:
            self._end_soon(None)

    def abort(self, error: OSError | None = None) -> None:
        """Close the socket at once, because of `error` if there is one. Buffered data is dropped."""
        self._is_closing = True
        self._end_soon(error)

    # Callbacks of the event loop.

    def _on_readable(self) -> None:
        try:
            data, ancillary, _, _ = self._recvmsg(READ_BYTES, ANCILLARY_BYTES)
        except OSError as error:
            self._fail(error)
            return
        now_ns = monotonic_ns()
        poller = self._poller
        if now_ns - poller.read_ns > IDLE_NS:
            poller.woke_ns = now_ns
        poller.read_ns = now_ns
        if ancillary and len(data) < LARGE_READ_BYTES:
            # As KernelClock.monotonic_ns does. A call of it would cost a twentieth of the time of a message.
            seconds, ns = unpack_stamp(ancillary[0][2])
            at_ns = seconds * 1_000_000_000 + ns - self._clock.offset_ns
            if at_ns <= now_ns:
                self._reader.received(data, at_ns, now_ns)
                return
        self._take_unusual(data, wall_time_ns(ancillary), now_ns)

    def _on_end(self) -> None:
        """Read the data before the end, unless the transport is closing. The poller calls again until all is read."""
        if (
            self.is_stamped and does_kernel_stamp_sends() and drain(self._socket)
        ):  # not an end: the late stamp of a write
            if not self._is_closing:
                self._poller.resume_reading(self._socket.fileno(), self._on_readable)
            if self._unsent:
                self._poller.watch_writing(self._socket.fileno(), self._on_writable)
        elif self._is_closing:
            self._end_soon(None)
        else:
            self._on_readable()

    def _fail(self, error: OSError) -> None:
        if not isinstance(error, BlockingIOError | InterruptedError) and not self._has_ended:
            self._is_closing = True
            self._end_soon(error)

    def _take_unusual(self, data: bytes, wall_ns: int, now_ns: int) -> None:
        """Take a large read, a read without a plausible stamp, or the end of the stream."""
        if not data:
            self._reader.eof_received()
            self.close()
            return
        at_ns = self._clock.converted(wall_ns, now_ns)
        if len(data) >= LARGE_READ_BYTES and self.is_stamped:
            self._reader.found_queued(*receive_queue(self._socket, len(data)), at_ns or now_ns)
        if at_ns is None:
            self._reader.received_by(data, now_ns, now_ns)
        else:
            self._reader.received(data, at_ns, now_ns)

    @property
    def woke_ns(self) -> int:
        """The time at which the event loop woke up for its current reads without a pause, in ns."""
        return self._poller.woke_ns

    def _on_writable(self) -> None:
        if self._has_ended or self._unsent is None:
            return
        del self._unsent[: self._send(self._unsent)]
        if not self._unsent:
            self._unsent = None
            if self._is_closing:
                self._end_soon(None)
            else:
                self._poller.stop_writing(self._socket.fileno())

    def _may_stamp(self, data: bytes) -> bool:
        """Whether a network device will take this data at once, so that its stamp is available after the write."""
        is_open = not (self._unsent or self._is_closing)
        is_stamped = self.is_stamped and does_kernel_stamp_sends()
        return is_open and is_stamped and len(data) <= MOST_BYTES and is_idle(self._socket)

    def _keep_rest(self, data: bytes, sent: int) -> None:
        if sent < len(data):
            self._unsent = bytearray(memoryview(data)[sent:])
            self._poller.watch_writing(self._socket.fileno(), self._on_writable)

    def _send(self, data: bytes | bytearray) -> int:
        """Send without waiting. Returns the number of bytes that need not be sent any more."""
        try:
            return self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            return len(data)  # the server has ended TCP: reading shows the end, after what the server sent before

    def _end_soon(self, error: OSError | None) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        self._unsent = None
        self._poller.remove(self._socket.fileno())
        self._poller.call_soon(self._end, error)

    def _end(self, error: OSError | None) -> None:
        try:
            self._reader.connection_lost(error)
        finally:
            self._socket.close()
