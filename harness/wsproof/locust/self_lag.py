"""The load generator on itself: how late its greenlets run, and how much of a core the process uses."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns, process_time_ns

import gevent
import numpy as np

from wsproof.model.measurement import GeneratorUsage
from wsproof.model.plan import NS

BEAT_SECONDS = 0.05
TIMER_NS = 1_000_000
"""The loop's timers round up to whole milliseconds: that much lateness is no lag."""


class SelfLag:
    """Beats every 50 ms until stopped; a beat that comes late shows how late everything else ran."""

    def __init__(self, on_beat: Callable[[], None]) -> None:
        self.lag_ns: list[int] = []
        self.cpu_share: list[float] = []
        self._on_beat = on_beat
        self.greenlet = gevent.spawn(self._beat)

    def _beat(self) -> None:
        second_ns, cpu_ns = monotonic_ns(), process_time_ns()
        while True:
            due_ns = monotonic_ns() + int(BEAT_SECONDS * NS) + TIMER_NS
            gevent.sleep(BEAT_SECONDS)
            now_ns = monotonic_ns()
            self.lag_ns.append(max(now_ns - due_ns, 0))
            if now_ns - second_ns >= NS:
                self.cpu_share.append((process_time_ns() - cpu_ns) / (now_ns - second_ns))
                second_ns, cpu_ns = now_ns, process_time_ns()
            self._on_beat()

    def stop(self) -> None:
        """Beat no more."""
        self.greenlet.kill()

    def usage(self, unsent: int) -> GeneratorUsage:
        """What was seen so far; `unsent` publications were due at the end and had not been handed over."""
        return GeneratorUsage(
            cpu_share=np.array(self.cpu_share, dtype=np.float64),
            loop_lag_ns=np.array(self.lag_ns, dtype=np.int64),
            unsent=unsent,
            loop="gevent",
        )
