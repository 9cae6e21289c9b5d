"""Readiness of a worker's sockets, on the event loop.

On Linux, libuv stops watching a socket that was reset, and does not call its reader again. The worker would miss the
end of the connection, and the data that the server sent before it. So a second epoll instance watches for errors and
hang-ups only. It costs nothing while there are none.
"""

from __future__ import annotations

import asyncio
import select
import sys
from collections.abc import Callable

IDLE_NS = 30_000
"""A loop that reads again within this time (ns) has not slept. The kernel needs part of it to list the sockets."""


class SocketPoller:
    """Calls a socket's `read` when it is readable, `end` when it has ended or failed, and `write` when asked to."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.read_ns = 0
        """The time of the last read of a socket, in ns."""
        self.woke_ns = 0
        """The time of the first read after a pause of IDLE_NS, in ns. The loop slept before, or did something else."""
        self.next_stamp_ns = 0
        """The time from which on a write may ask for the kernel's stamp, in ns."""
        self._loop = loop
        self._ends = select.epoll() if sys.platform == "linux" else None
        self._end_callbacks: dict[int, Callable[[], None]] = {}
        if self._ends is not None:
            loop.add_reader(self._ends.fileno(), self._on_ends)

    def add(self, fd: int, read: Callable[[], None], end: Callable[[], None]) -> None:
        """Start watching a socket."""
        self._end_callbacks[fd] = end
        self._loop.add_reader(fd, read)
        if self._ends is not None:
            self._ends.register(fd, 0)  # epoll always reports errors and hang-ups

    def stop_reading(self, fd: int) -> None:
        """Do not call `read` any more."""
        self._loop.remove_reader(fd)

    def resume_reading(self, fd: int, read: Callable[[], None]) -> None:
        """Call `read` again after a false error event, at which libuv has stopped watching the socket."""
        self._loop.remove_reader(fd)
        self._loop.add_reader(fd, read)

    def watch_writing(self, fd: int, write: Callable[[], None]) -> None:
        """Call `write` when the socket has room."""
        self._loop.add_writer(fd, write)

    def stop_writing(self, fd: int) -> None:
        """Do not call `write` any more."""
        self._loop.remove_writer(fd)

    def remove(self, fd: int) -> None:
        """Stop watching a socket."""
        if self._end_callbacks.pop(fd, None) is not None:
            if self._ends is not None:
                self._ends.unregister(fd)
            self._loop.remove_reader(fd)
            self._loop.remove_writer(fd)

    def call_soon(self, callback: Callable[..., None], *arguments: object) -> None:
        """Call back in the next iteration of the event loop."""
        self._loop.call_soon(callback, *arguments)

    def close(self) -> None:
        """Stop watching all sockets."""
        if self._ends is not None:
            self._loop.remove_reader(self._ends.fileno())
            self._ends.close()

    def _on_ends(self) -> None:
        assert self._ends is not None
        for fd, _ in self._ends.poll(0):
            end = self._end_callbacks.get(fd)
            if end is None:  # removed by the callback of another socket
                continue
            try:
                end()
            except Exception as fault:  # noqa: BLE001 - the other sockets are served nevertheless
                self._loop.call_exception_handler({"message": "a connection's callback failed", "exception": fault})
