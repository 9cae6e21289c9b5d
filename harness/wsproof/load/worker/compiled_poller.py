"""The compiled reader (`_frame_reader.c`) as the poller of a worker's stamped TCP sockets. It is optional.

It reads known frames of plain connections without Python, and has each new frame parsed once (`number_new`). All other
bytes come to `CompiledTransport.take`.
"""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import Callable
from typing import TypeAlias

from wsproof.load.worker.connection import Connection
from wsproof.load.worker.socket_poller import IDLE_NS, SocketPoller
from wsproof.load.worker.socket_transport import SocketTransport
from wsproof.load.worker.state import WorkerState
from wsproof.net.kernel_clock import KernelClock
from wsproof.net.receive_queue import receive_queue

INTERFACE = 2
"""Number of the interface between this module and the compiled reader: raise it here and in C with every change."""

try:
    from wsproof.load.worker import _frame_reader as built
    from wsproof.load.worker._frame_reader import MOST_KEPT, FrameReader
except ImportError:  # it could not be built: not Linux, or no C compiler. The record names the reader.
    _is_built = False
else:
    _is_built = getattr(built, "INTERFACE", 0) == INTERFACE  # a checkout may have an older build

Taken: TypeAlias = tuple[int, bytes | None]
"""A connection's last stamp, and the start of its next frame if it is plain, else None."""


def is_built() -> bool:
    """Whether the compiled reader is there."""
    return _is_built


class CompiledPoller(SocketPoller):
    """Lets the compiled reader read the sockets that it is told to `watch`."""

    def __init__(self, loop: asyncio.AbstractEventLoop, state: WorkerState) -> None:
        super().__init__(loop)
        self._state = state
        self._transports: dict[int, CompiledTransport] = {}
        self._sockets = select.epoll()
        self.reader = FrameReader(self._sockets.fileno(), self, IDLE_NS)
        state.recorder.read_with(self.reader)
        loop.add_reader(self._sockets.fileno(), self._poll)

    def watch(self, fd: int, member: int, last_ns: int, transport: CompiledTransport) -> None:
        """Begin to read a member's socket. What it receives arrives after `last_ns`."""
        self.reader.watch(fd, member, last_ns)
        self._sockets.register(fd, select.EPOLLIN)
        self._transports[fd] = transport

    def stop_reading(self, fd: int) -> None:
        if fd in self._transports:
            self._sockets.modify(fd, 0)  # epoll always reports errors and hang-ups
        else:
            super().stop_reading(fd)

    def resume_reading(self, fd: int, read: Callable[[], None]) -> None:
        if fd not in self._transports:  # the compiled reader goes on by itself
            super().resume_reading(fd, read)

    def remove(self, fd: int) -> None:
        if self._transports.pop(fd, None) is None:
            super().remove(fd)
        else:
            self.reader.unwatch(fd)
            self._sockets.unregister(fd)
            self._loop.remove_writer(fd)

    def close(self) -> None:
        super().close()
        self._loop.remove_reader(self._sockets.fileno())
        self.reader.close()
        self._sockets.close()

    def _poll(self) -> None:
        state = self._state
        self.reader.poll(state.due_ns, state.clock.offset_ns)

    # Callbacks of the compiled reader. An exception must not keep the other sockets from being read.

    def number_new(self, member: int, frame: bytes) -> int:
        """Return the number of a new frame, or -1 if `take` must read it."""
        try:
            return self._state.recorder.number_new(member, frame)
        except Exception:  # noqa: BLE001 - `take` meets it again, and reports it
            return -1

    def take(self, fd: int, data: bytes, wall_ns: int, now_ns: int, last_ns: int, is_full: int) -> Taken:
        """Let Python read what the compiled reader cannot. `is_full`: see `CompiledTransport.take`."""
        self._state.recorder.collect()
        self.read_ns, self.woke_ns = self.reader.read_ns, self.reader.woke_ns
        try:
            return self._transports[fd].take(data, wall_ns, now_ns, last_ns, is_full=bool(is_full))
        except Exception as fault:  # noqa: BLE001
            self._report(fault)
            return last_ns, None

    def end(self, fd: int, error: int) -> None:
        """Handle the end of a socket. `error`: errno of a read that failed, else 0."""
        try:
            self._transports[fd].end(error)
        except Exception as fault:  # noqa: BLE001
            self._report(fault)

    def fill(self, fd: int, read_bytes: int, at_ns: int) -> None:
        """Note how full the receive buffer was, after a large read."""
        self._transports[fd].note_queue(read_bytes, at_ns)

    def fire(self) -> int:
        """Send the publications that are due. Returns the time at which the next one is due."""
        self._state.fire()
        return self._state.due_ns

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
            connection = self._connection
            self._compiled.watch(self._socket.fileno(), connection.member, connection.last_ns, self)

    def take(self, data: bytes, wall_ns: int, now_ns: int, last_ns: int, *, is_full: bool) -> Taken:
        """Read bytes that the compiled reader has read. Returns how the connection goes on.

        `is_full`: the read filled the buffer. It may have left data behind that arrived before its stamp.
        """
        connection = self._connection
        connection.continue_at(last_ns)
        at_ns = self._clock.converted(wall_ns, now_ns)
        if at_ns is None:
            connection.received_by(data, now_ns, now_ns)
        else:
            connection.received(data, at_ns, now_ns)
        if is_full:
            connection.continue_at(last_ns)
        return connection.hand_over(MOST_KEPT)

    def take_back(self) -> tuple[int, bytes] | None:
        """Let Python read from now on."""
        return self._compiled.reader.take_back(self._socket.fileno())

    def end(self, error: int) -> None:
        """Handle the end of the socket. `error`: errno of a read that failed, else 0."""
        if error:
            self._fail(OSError(error, os.strerror(error)))
        else:
            self._on_end()

    def note_queue(self, read_bytes: int, at_ns: int) -> None:
        """Note how many bytes a large read found waiting."""
        self._connection.found_queued(*receive_queue(self._socket, read_bytes), at_ns)

    def _on_readable(self) -> None:
        self._connection.take_back()
        super()._on_readable()


def transport_on(
    poller: SocketPoller, sock: socket.socket, connection: Connection, clock: KernelClock, *, is_stamped: bool
) -> SocketTransport:
    """The transport of a socket that this poller watches."""
    if is_stamped and isinstance(poller, CompiledPoller):
        return CompiledTransport(poller, sock, connection, clock)
    return SocketTransport(poller, sock, connection, clock, is_stamped=is_stamped)
