"""Whether a server has nothing left to do: then there is nothing to be patient for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from wsproof.net.clock import Deadline

__all__ = ["IdleDetector", "ProcessWork"]

_LEAST_NS = 2_000_000
_FEW_WAKES = 20
"""What a server that only ticks may use of one wait of half a second."""


class ProcessWork(Protocol):
    """What tells of a process tree that it works, or would like to; `net.usage.TreeMeter` does. None: not known."""

    def cpu_ns(self) -> int | None: ...

    def queued_ns(self) -> int | None: ...

    def switches(self) -> int | None: ...

    def wants_processor(self) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class _Sample:
    cpu_ns: int
    queued_ns: int
    wakes: int


class IdleDetector:
    """Watches a server while a client waits for it, and another client is served between the waits.

    A server is idle when it neither had a processor nor waited for one in any wait of the last `lasts_s`. One that is
    starved by others waits for a processor: it is busy. Where the system does not tell, or the neighbour is served by a
    process that cannot be seen (in a container, on another machine), nobody is ever idle.
    """

    def __init__(self, work: ProcessWork | None, lasts_s: float) -> None:
        self._work = work
        self._lasts_s = lasts_s
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.lasts = False
        """Whether it has been idle for so long, though it served the neighbour meanwhile."""
        self._deadline: Deadline | None = None
        self._last: _Sample | None = None
        self._served_ns = 0
        """What it used between its idle waits: serving the neighbour costs something, if this is who serves it."""

    @contextmanager
    def wait(self) -> Iterator[None]:
        """The block is a wait in which nobody asks anything of the server."""
        before, deadline = self._sample(), self._deadline or Deadline.after(self._lasts_s)
        yield
        after = self._sample()
        if before is None or after is None or not _is_idle(before, after) or self._wants_processor():
            self._begin_anew()
            return
        if self._last is not None:
            self._served_ns += before.cpu_ns - self._last.cpu_ns
        self._deadline, self._last = deadline, after
        self.lasts = deadline.passed and self._served_ns > 0

    def _wants_processor(self) -> bool:
        """Who still waits for a processor has nothing to show for it yet."""
        return self._work is None or self._work.wants_processor() is not False

    def _sample(self) -> _Sample | None:
        if self._work is None:
            return None
        cpu_ns, queued_ns, wakes = self._work.cpu_ns(), self._work.queued_ns(), self._work.switches()
        if cpu_ns is None or queued_ns is None or wakes is None:
            return None
        return _Sample(cpu_ns, queued_ns, wakes)


def _is_idle(before: _Sample, after: _Sample) -> bool:
    """Nothing but ticks. A thread that ended meanwhile makes numbers fall: it had something to do."""
    used_ns = after.cpu_ns - before.cpu_ns
    queued_ns = abs(after.queued_ns - before.queued_ns)
    return used_ns + queued_ns <= _LEAST_NS and abs(after.wakes - before.wakes) <= _FEW_WAKES
