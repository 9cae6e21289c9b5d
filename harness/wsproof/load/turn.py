"""One turn of the event loop: the kernel says which sockets have something, and they are read one after the other.

So the message that is read last in a turn was there when the turn began, though the clock has gone on while the others
were read (some 10 us each). What made a socket ready was there when the kernel was asked: that is as close to the
moment of its arrival as one comes from outside of the kernel.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop

MOST_READS = 1_000
"""libuv asks the kernel again within a turn, after 1,024 events: what is read later than that may have come later."""
FEW_READS = 2
AS_THEY_COME = 8
"""After a turn of few reads so many are stamped one by one: to learn where a turn ends costs a microsecond."""


class Turn:
    """Stamps what is read. Without a loop that says when a turn ends, each read has a turn of its own."""

    __slots__ = ("_as_they_come", "_began_ns", "_left", "_loop")

    def __init__(self, loop: AbstractEventLoop | None = None) -> None:
        self._loop = loop
        self._began_ns = 0
        self._left = 0
        self._as_they_come = 0

    def stamp(self, now_ns: int) -> int:
        """When the message was there that made a socket ready and is read now. Never earlier than the last stamp."""
        if self._left:
            self._left -= 1
            return self._began_ns
        if self._as_they_come:
            self._as_they_come -= 1
        elif not self._began_ns and self._loop is not None:
            self._began_ns = now_ns
            self._left = MOST_READS
            self._loop.call_soon(self._end)  # it runs before the loop asks the kernel again
        return now_ns

    def advance(self, now_ns: int) -> None:
        """Something was stamped with the time it was read: what follows is stamped no earlier."""
        if self._began_ns:
            self._began_ns = now_ns

    def _end(self) -> None:
        if MOST_READS - self._left < FEW_READS:
            self._as_they_come = AS_THEY_COME
        self._began_ns = 0
        self._left = 0
