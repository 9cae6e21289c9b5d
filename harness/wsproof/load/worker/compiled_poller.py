"""The compiled reader (`_frame_reader.c`) as the poller of a worker's stamped TCP sockets. It is optional.

It reads known frames of plain connections without Python. All other bytes come to `CompiledTransport.take`.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import TypeAlias

from wsproof.load.worker.connection import Connection
from wsproof.load.worker.socket_poller import IDLE_NS, SocketPoller
from wsproof.load.worker.socket_transport import SocketTransport
from wsproof.load.worker.state import WorkerState
from wsproof.net.kernel_clock import KernelClock
from wsproof.net.receive_queue import LARGE_READ_BYTES

try:
    from wsproof.load.worker._frame_reader import MOST_KEPT, FrameReader
except ImportError:  # it could not be built: not Linux, or no C compiler. The record names the reader.
    _is_built = False
else:
    _is_built = True

Taken: TypeAlias = tuple[int, bytes] | None
"""A connection's last stamp and the start of its next frame, if it is plain; None if not."""
Take: TypeAlias = Callable[[bytes, int, int, int, int], Taken]
"""`take(data, wall_ns, now_ns, last_ns, error)`: bytes for Python. `error` is the errno of a failed read, else 0."""


def is_built() -> bool:
    """Whether the compiled reader is there."""
    return _is_built


class CompiledPoller(SocketPoller):
    """Lets the compiled reader read the sockets that it is told to `watch`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, state: WorkerState) -> None:
        super().__init__(loop)
        self._collect = state.recorder.collect
        self._callbacks: dict[int, tuple[Take, Callable[[], None]]] = {}
        self.reader = FrameReader(state, state.clock, self._take, self._end, IDLE_NS)
        state.recorder.read_with(self.reader)
        loop.add_reader(self.reader.fileno(), self.reader.poll)

    def watch(self, fd: int, member: int, take: Take, end: Callable[[], None]) -> None:
        """Begin to read a member's socket."""
        self._callbacks[fd] = (take, end)
        self.reader.watch(fd, member)

    def stop_reading(self, fd: int) -> None:
        if fd in self._callbacks:
            self.reader.stop_reading(fd)
        else:
            super().stop_reading(fd)

    def resume_reading(self, fd: int, read: Callable[[], None]) -> None:
        if fd not in self._callbacks:  # the compiled reader goes on by itself
            super().resume_reading(fd, read)

    def remove(self, fd: int) -> None:
        if self._callbacks.pop(fd, None) is None:
            super().remove(fd)
        else:
            self.reader.unwatch(fd)
            self._loop.remove_writer(fd)

    def close(self) -> None:
        super().close()
        self._loop.remove_reader(self.reader.fileno())
        self.reader.close()

    def _take(self, fd: int, data: bytes, wall_ns: int, now_ns: int, last_ns: int, error: int) -> Taken:
        """Let Python read what the compiled reader cannot."""
        self._collect()
        self.read_ns, self.woke_ns = self.reader.read_ns, self.reader.woke_ns
        try:
            return self._callbacks[fd][0](data, wall_ns, now_ns, last_ns, error)
        except Exception as fault:  # noqa: BLE001 - the other sockets have their turn nevertheless
            self._report(fault)
            return None

    def _end(self, fd: int) -> None:
        try:
            self._callbacks[fd][1]()
        except Exception as fault:  # noqa: BLE001 - as above
            self._report(fault)

    def _report(self, fault: Exception) -> None:
        self._loop.call_exception_handler({"message": "a connection's callback failed", "exception": fault})


class CompiledTransport(SocketTransport):
    """A SocketTransport whose socket the compiled reader reads."""

    __slots__ = ("_compiled", "_connection")

    def __init__(self, poller: CompiledPoller, sock: socket.socket, connection: Connection, clock: KernelClock) -> None:
        super().__init__(poller, sock, connection, clock, is_stamped=True)
        self._compiled = poller
        self._connection = connection

    def start(self) -> None:
        """Begin to read."""
        if not self._is_closing:
            self._compiled.watch(self._socket.fileno(), self._connection.member, self.take, self._on_end)

    def take(self, data: bytes, wall_ns: int, now_ns: int, last_ns: int, error: int) -> Taken:
        """Read bytes as `SocketTransport` does. Returns how the connection goes on."""
        if error:
            self._fail(OSError(error, os.strerror(error)))
            return None
        self._connection.continue_at(last_ns)
        at_ns = wall_ns - self._clock.offset_ns
        if wall_ns and 0 < len(data) < LARGE_READ_BYTES and at_ns <= now_ns:
            self._reader.received(data, at_ns, now_ns)
        else:
            self._take_unusual(data, wall_ns, now_ns)
        return self._connection.hand_over(MOST_KEPT)

    def take_back(self) -> Taken:
        """Let Python read from now on."""
        return self._compiled.reader.take_back(self._socket.fileno())

    def _on_readable(self) -> None:
        self._compiled.reader.read(self._socket.fileno())


def transport_on(
    poller: SocketPoller, sock: socket.socket, connection: Connection, clock: KernelClock, *, is_stamped: bool
) -> SocketTransport:
    """The transport of a socket that this poller watches."""
    if is_stamped and isinstance(poller, CompiledPoller):
        return CompiledTransport(poller, sock, connection, clock)
    return SocketTransport(poller, sock, connection, clock, is_stamped=is_stamped)
