"""Receive timestamps that do not depend on the order in which an event-loop iteration reads the sockets.

The kernel reports the ready sockets, and the loop reads them one after the other, at about 10 us each. All of them were
ready when the iteration began, so all of them get the iteration's start time. From user space, no timestamp comes
closer to the arrival of a message.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Callable
from time import monotonic_ns

MOST_READS = 1_000
"""Reads per iteration that get its start time. After 1,024 events libuv polls the kernel again within an iteration, so
later messages may have arrived later."""
FEW_READS = 2
AS_THEY_COME = 8
"""After an iteration with fewer than FEW_READS reads, this many reads get their own time. To learn when an iteration
ends costs a microsecond."""
AT_ONCE_NS = 30_000
AT_ONCE_PER_READ_NS = 1_000
"""If an iteration starts this soon (ns) after the previous one, its messages may have arrived while the previous one
was still running. The kernel needs time to list many sockets: up to 100 us were measured for 160."""
WORTH_NS = 50_000
"""Shorter delays (ns) are not recorded. They are no longer than reading a message takes."""


class ReceiveClock:
    """Stamps messages and records how late the stamps of an iteration may be.

    `note((began_ns, ended_ns, waited_ns))` is called for such an iteration. When it began, no message that it read had
    been ready for longer than `waited_ns`. Without an event loop, which is needed to learn the end of an iteration,
    each read gets its own time.
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
        """The time at which the message being read was ready. Never earlier than the last stamp."""
        if self._left:
            self._left -= 1
            return self._began_ns
        if self._as_they_come:
            self._as_they_come -= 1
        elif not self._began_ns:
            self.begin(now_ns)
        return now_ns

    def begin(self, now_ns: int) -> None:
        """Mark the beginning of an iteration, before its first read. Does nothing if it has already begun."""
        if self._began_ns or self._loop is None:
            return
        began_ns, ended_ns = self._last
        self._idle_ns = now_ns - ended_ns
        self._waited_ns = now_ns - began_ns
        self._began_ns = self._first_ns = now_ns
        self._left = MOST_READS
        self._loop.call_soon(self._end)  # called before the loop polls the kernel again

    def advance(self, now_ns: int) -> None:
        """Note that a message was stamped with the time of its read. Later stamps are no earlier."""
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
