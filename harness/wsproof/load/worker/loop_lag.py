"""How late the event loop is: an alarm that rings again and again at moments of chance.

A Poisson process finds the loop as a message would that may come at any time (arrivals of chance see time averages),
and never keeps step with the load. Alarms every 50 ms did, where the publications came every 100 ms. Those were also
too few: of 160 in a window, one message in 160 is later than all of them by chance alone; at 200 a second, in 8 s,
one in 1,600. They cost about 0.4 % of a core.
"""

from __future__ import annotations

import asyncio
import random
import time

from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.timer import best_timer
from wsproof.net.clock import now_ns

MEAN_GAP_NS = 5_000_000


class LagProbe:
    """Writes down when it was rung, the CPU time used until then, and how late that was."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ledger: WorkerRecorder) -> None:
        self._ledger = ledger
        self._gaps = random.Random(0)
        self._timer = best_timer(loop, self._ring)
        self._due_ns = 0

    def start(self) -> None:
        """Ring from now on."""
        self._arm(now_ns())

    def close(self) -> None:
        """Ring no more."""
        self._timer.close()

    def _ring(self) -> None:
        at_ns = now_ns()
        self._ledger.pulse(at_ns, time.process_time_ns(), max(0, at_ns - self._due_ns))
        self._arm(at_ns)

    def _arm(self, since_ns: int) -> None:
        self._due_ns = since_ns + int(self._gaps.expovariate(1 / MEAN_GAP_NS))
        self._timer.arm(self._due_ns)
