"""Readiness of a worker's sockets: one epoll instance, which the event loop watches as a single file descriptor.

libuv stops to watch a socket that was reset, and does not call its reader again: the end of the connection would be
missed, and what the server sent before it. An epoll instance of our own tells all of it, in one call for all sockets.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from time import monotonic_ns

AT_ONCE = 1_000
"""Sockets per call. Timers and publications of the event loop have their turn in between."""
IDLE_NS = 30_000
"""A loop that comes back within this time (ns) has not slept: the kernel needs some of it to list the sockets."""
_WRITABLE = select.EPOLLOUT
_ENDED = select.EPOLLERR | select.EPOLLHUP
_READABLE = select.EPOLLIN | _ENDED
_WRITABLE_OR_ENDED = _WRITABLE | _ENDED


class SocketPoller:
    """Calls a socket's `read` when it is readable or has ended, and its `write` when asked to."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self.call_soon = loop.call_soon
        self._poll = select.epoll()
        self._began_ns = self._ended_ns = monotonic_ns()
        self.since_ns = 0
        """What is read now arrived later, in ns: an earlier call has read all that was there. 0: not known."""
        self.woke_ns = 0
        """When the loop woke up for what is read now; 0 if it had not slept."""
        self._callbacks: dict[int, tuple[Callable[[], None], Callable[[], None]]] = {}
        loop.add_reader(self._poll.fileno(), self._on_ready)

    def add(self, fd: int, read: Callable[[], None], write: Callable[[], None]) -> None:
        """Begin to watch a socket for reading."""
        self._callbacks[fd] = (read, write)
        self._poll.register(fd, select.EPOLLIN)

    def change(self, fd: int, *, reads: bool, writes: bool) -> None:
        """Watch a socket for these from now on. Its end calls both."""
        self._poll.modify(fd, (select.EPOLLIN if reads else 0) | (_WRITABLE if writes else 0))

    def remove(self, fd: int) -> None:
        """Watch the socket no more."""
        if self._callbacks.pop(fd, None) is not None:
            self._poll.unregister(fd)

    def close(self) -> None:
        """Watch nothing more."""
        self._loop.remove_reader(self._poll.fileno())
        self._poll.close()

    def _on_ready(self) -> None:
        get = self._callbacks.get
        now_ns = monotonic_ns()
        self.since_ns = self._began_ns
        self.woke_ns = now_ns if now_ns - self._ended_ns > IDLE_NS else 0
        ready = self._poll.poll(0, AT_ONCE)
        for fd, events in ready:
            found = get(fd)
            if found is None:  # removed by the callback of another socket
                continue
            read, write = found
            try:
                if events & _READABLE:
                    read()
                if events & _WRITABLE_OR_ENDED:
                    write()
            except Exception as fault:  # noqa: BLE001 - the other sockets are read nevertheless
                self._loop.call_exception_handler({"message": "a connection's callback failed", "exception": fault})
        self._began_ns = now_ns if len(ready) < AT_ONCE else 0
        self._ended_ns = monotonic_ns()
