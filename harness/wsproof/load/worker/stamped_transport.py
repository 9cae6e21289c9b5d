"""A member's TCP socket on the event loop: reads carry the kernel's time, and writes reach the kernel at once.

The loops' own transports can do neither. uvloop's keep a write until the end of the loop's iteration, which made a
publisher's frame 45 us late. (`python -m benchmarks.truth`)
"""

from __future__ import annotations

import socket
from time import monotonic_ns
from typing import Protocol

from wsproof.load.worker.socket_poller import SocketPoller
from wsproof.net.kernel_clock import ANCILLARY_BYTES, KernelClock
from wsproof.net.receive_queue import LARGE_READ_BYTES, receive_queue

READ_BYTES = 256 * 1024
_BUFFER = bytearray(READ_BYTES)
_BUFFERS = [_BUFFER]
_VIEW = memoryview(_BUFFER)


class StampedReader(Protocol):
    """What the transport passes received data to."""

    def received(self, data: bytes, at_ns: int, now_ns: int) -> None:
        """Take data that had arrived by `at_ns`, by the kernel's clock, and was read at `now_ns`."""

    def received_unstamped(self, data: bytes, now_ns: int) -> None:
        """Take data of which only the time of the read is known."""

    def found_queued(self, queued_bytes: int, window_bytes: int, at_ns: int) -> None:
        """Take note of a read that found so many bytes waiting. The server may send `window_bytes` ahead at most."""

    def eof_received(self) -> None:
        """Take the end of the stream."""

    def connection_lost(self, exc: Exception | None) -> None:
        """Take the end of the connection. Nothing follows."""


class StampedTransport:
    """Reads and writes of one connected socket, which has been asked for stamps (`request_stamps`)."""

    __slots__ = ("_clock", "_has_ended", "_is_closing", "_poller", "_reader", "_socket", "_unsent")

    def __init__(self, poller: SocketPoller, sock: socket.socket, reader: StampedReader, clock: KernelClock) -> None:
        self._poller = poller
        self._socket = sock
        self._reader = reader
        self._clock = clock
        self._unsent: bytearray | None = None
        self._is_closing = False
        self._has_ended = False

    def start(self) -> None:
        """Begin to read."""
        if not self._is_closing:
            self._poller.add(self._socket.fileno(), self._on_readable, self._on_writable)

    @property
    def polled_ns(self) -> tuple[int, int]:
        """See `SocketPoller.since_ns` and `woke_ns`."""
        return self._poller.since_ns, self._poller.woke_ns

    # Writing and ending, as an asyncio transport does.

    def write(self, data: bytes) -> None:
        """Send data. What the kernel does not take now is sent as soon as it has room."""
        if self._is_closing or not data:
            return
        if self._unsent:
            self._unsent += data
            return
        sent = self._send(data)
        if sent < len(data):
            self._unsent = bytearray(memoryview(data)[sent:])
            self._poller.change(self._socket.fileno(), reads=True, writes=True)

    def get_write_buffer_size(self) -> int:
        """Bytes that the kernel has not taken yet."""
        return len(self._unsent) if self._unsent else 0

    def is_closing(self) -> bool:
        """Whether nothing more can be sent."""
        return self._is_closing

    def close(self) -> None:
        """Read nothing more, send what waits, and close the socket."""
        if self._is_closing:
            return
        self._is_closing = True
        if self._unsent:
            self._poller.change(self._socket.fileno(), reads=False, writes=True)
        else:
            self._end_soon(None)

    def abort(self) -> None:
        """Close the socket, and drop what waits to be sent."""
        self._is_closing = True
        self._end_soon(None)

    # Callbacks of the event loop.

    def _on_readable(self) -> None:
        if self._is_closing:
            return
        try:
            count, ancillary, _, _ = self._socket.recvmsg_into(_BUFFERS, ANCILLARY_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._is_closing = True
            self._end_soon(error)
            return
        now_ns = monotonic_ns()
        if not count:
            self._reader.eof_received()
            self.close()
            return
        data = bytes(_VIEW[:count])
        at_ns = self._clock.monotonic_ns(ancillary, now_ns)
        if count >= LARGE_READ_BYTES:
            self._reader.found_queued(*receive_queue(self._socket, count), at_ns or now_ns)
        if at_ns is None:
            self._reader.received_unstamped(data, now_ns)
        else:
            self._reader.received(data, at_ns, now_ns)

    def _on_writable(self) -> None:
        if self._has_ended or self._unsent is None:
            return
        del self._unsent[: self._send(self._unsent)]
        if not self._unsent:
            self._unsent = None
            if self._is_closing:
                self._end_soon(None)
            else:
                self._poller.change(self._socket.fileno(), reads=True, writes=False)

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
