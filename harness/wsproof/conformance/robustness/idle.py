"""Detects an idle server: it has nothing left to do, so waiting longer is pointless."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from wsproof.net.clock import Deadline

__all__ = ["IdleDetector", "ProcessWork"]

_LEAST_NS = 2_000_000
_FEW_WAKES = 20
"""CPU time in ns, and wake-ups, that a server with only a timer may use in one wait of half a second."""


class ProcessWork(Protocol):
    """The activity counters of a process tree; `machine.usage.TreeMeter` implements them. None: not known."""

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
    """Watches a server while one client waits for it and another client is served between the waits.

    A server is idle if it neither used nor waited for a CPU in any wait of the last `lasts_s` seconds. A server that
    other processes starve waits for a CPU, so it is busy. A server never counts as idle if the system does not report
    this. The same holds if an invisible process serves the bystander (in a container, on another machine).
    """

    def __init__(self, work: ProcessWork | None, lasts_s: float) -> None:
        self._work = work
        self._lasts_s = lasts_s
        self._begin_anew()

    def _begin_anew(self) -> None:
        self.lasts = False
        """Whether the server has been idle for `lasts_s` seconds although it served the bystander meanwhile."""
        self._deadline: Deadline | None = None
        self._last: _Sample | None = None
        self._served_ns = 0
        """CPU time in ns between idle waits. It is positive if this process tree serves the bystander."""

    @contextmanager
    def wait(self) -> Iterator[None]:
        """Enclose a wait in which no client asks the server for anything."""
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
        """Whether the process waits for a CPU, or this is not known. Such a process has not used CPU time yet."""
        return self._work is None or self._work.wants_processor() is not False

    def _sample(self) -> _Sample | None:
        if self._work is None:
            return None
        cpu_ns, queued_ns, wakes = self._work.cpu_ns(), self._work.queued_ns(), self._work.switches()
        if cpu_ns is None or queued_ns is None or wakes is None:
            return None
        return _Sample(cpu_ns, queued_ns, wakes)


def _is_idle(before: _Sample, after: _Sample) -> bool:
    """Whether a wait shows only timer activity. If a thread ended meanwhile, the counters fall: the server was busy."""
    used_ns = after.cpu_ns - before.cpu_ns
    queued_ns = abs(after.queued_ns - before.queued_ns)
    return used_ns + queued_ns <= _LEAST_NS and abs(after.wakes - before.wakes) <= _FEW_WAKES
