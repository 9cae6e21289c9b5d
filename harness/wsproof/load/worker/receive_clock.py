"""One turn of the event loop: the kernel says which sockets have something, and they are read one after the other.

So the message that is read last in a turn was there when the turn began, though the clock has gone on while the others
were read (some 10 us each). What made a socket ready was there when the kernel was asked: that is as close to the
moment of its arrival as one comes from outside of the kernel.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from time import monotonic_ns

MOST_READS = 1_000
"""libuv asks the kernel again within a turn, after 1,024 events: what is read later than that may have come later."""
FEW_READS = 2
AS_THEY_COME = 8
"""After a turn of few reads so many are stamped one by one: to learn where a turn ends costs a microsecond."""
AT_ONCE_NS = 30_000
AT_ONCE_PER_READ_NS = 1_000
"""A turn that begins so soon after the one before has waited for nothing: what it reads may have come during that. The
kernel takes its time to list many sockets: for 160 it was seen to take 100 us."""
WORTH_NS = 50_000
"""Shorter delays are not noted: they are within what it takes to read a message at all."""


class ReceiveClock:
    """Stamps what is read, and notes how late the stamps of a turn may be: `note((began_ns, ended_ns, waited_ns))`.

    Nothing that the turn has read had been there for longer than `waited_ns` when it began. Without a loop that says
    when a turn ends, each read has a turn of its own.
    """

    __slots__ = (
        "_advanced",
        "_as_they_come",
        "_began_ns",
        "_first_ns",
        "_idle_ns",
        "_last",
        "_left",
        "_loop",
        "_note",
        "_waited_ns",
    )

    def __init__(
        self,
        loop: AbstractEventLoop | None = None,
        note: Callable[[tuple[int, int, int]], None] = lambda _: None,
    ) -> None:
        self._loop = loop
        self._note = note
        self._began_ns = self._first_ns = 0
        self._idle_ns = self._waited_ns = 0
        self._left = 0
        self._as_they_come = 0
        self._advanced = False
        self._last = (0, 0)

    def stamp(self, now_ns: int) -> int:
        """When the message was there that made a socket ready and is read now. Never earlier than the last stamp."""
        if self._left:
            self._left -= 1
            return self._began_ns
        if self._as_they_come:
            self._as_they_come -= 1
        elif not self._began_ns:
            self.begin(now_ns)
        return now_ns

    def begin(self, now_ns: int) -> None:
        """The first thing that this turn does. Nothing happens where it has begun already."""
        if self._began_ns or self._loop is None:
            return
        began_ns, ended_ns = self._last
        self._idle_ns = now_ns - ended_ns
        self._waited_ns = now_ns - began_ns
        self._began_ns = self._first_ns = now_ns
        self._left = MOST_READS
        self._loop.call_soon(self._end)  # it runs before the loop asks the kernel again

    def advance(self, now_ns: int) -> None:
        """Something was stamped with the time it was read: what follows is stamped no earlier."""
        if self._began_ns:
            self._began_ns = now_ns
            self._advanced = True

    def _end(self) -> None:
        ended_ns = monotonic_ns()
        self._last = (self._first_ns, ended_ns)
        reads = MOST_READS - self._left
        waited_ns = self._waited_ns if self._idle_ns <= AT_ONCE_NS + reads * AT_ONCE_PER_READ_NS else 0
        if waited_ns >= WORTH_NS or (self._advanced and ended_ns - self._first_ns >= WORTH_NS):
            self._note((self._first_ns, ended_ns, waited_ns))
        if reads < FEW_READS:
            self._as_they_come = AS_THEY_COME
        self._began_ns = 0
        self._left = 0
        self._advanced = False
