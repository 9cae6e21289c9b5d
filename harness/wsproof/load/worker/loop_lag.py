"""Event-loop lag probe: measures how late the loop calls a timer, at random times.

A Poisson process samples the loop as a message sees it that may arrive at any time (PASTA: Poisson arrivals see time
averages). It also never synchronizes with the load, unlike the former timer of 50 ms with publications every 100 ms.
That timer also fired too rarely. Of 160 samples in a window, one message in 160 is later than all of them by chance
alone. At 200 samples per second, in 8 s, it is one in 1,600. The samples cost about 0.4 % of a core.
"""

from __future__ import annotations

import asyncio
import random
import time

from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.timer import best_timer
from wsproof.net.clock import now_ns

MEAN_GAP_NS = 5_000_000
"""Mean time between two timer calls, in ns: 200 calls per second."""


class LagProbe:
    """Records for each timer call its time, the CPU time used until then, and how late the call was."""

    def __init__(self, loop: asyncio.AbstractEventLoop, recorder: WorkerRecorder) -> None:
        self._recorder = recorder
        self._gaps = random.Random(0)
        self._timer = best_timer(loop, self._ring)
        self._due_ns = 0

    def start(self) -> None:
        """Start the timer."""
        self._arm(now_ns())

    def close(self) -> None:
        """Stop the timer."""
        self._timer.close()

    def _ring(self) -> None:
        at_ns = now_ns()
        self._recorder.pulse(at_ns, time.process_time_ns(), max(0, at_ns - self._due_ns))
        self._arm(at_ns)

    def _arm(self, since_ns: int) -> None:
        self._due_ns = since_ns + int(self._gaps.expovariate(1 / MEAN_GAP_NS))
        self._timer.arm(self._due_ns)
