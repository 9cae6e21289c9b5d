"""Self-measurement of the load generator: the lag of its event loop, and its share of a core."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic_ns, process_time_ns

import gevent
import numpy as np

from wsproof.locust.generator_fault import FROZEN_NS, Freeze
from wsproof.model.measurement import GeneratorUsage
from wsproof.model.nanoseconds import NS

BEAT_SECONDS = 0.05
"""Seconds between two wake-ups of the probe."""
TIMER_NS = 1_000_000
"""Nanoseconds that do not count as lag: the loop's timers round up to whole milliseconds."""


class SelfLag:
    """A probe that wakes every 50 ms until stopped. A late wake-up shows how late all other greenlets ran."""

    def __init__(self, on_beat: Callable[[], None]) -> None:
        self.lag_ns: list[int] = []
        self.cpu_share: list[float] = []
        self.freezes: list[Freeze] = []
        self._beat_ns = monotonic_ns()
        self._on_beat = on_beat
        self.greenlet = gevent.spawn(self._beat)

    def _beat(self) -> None:
        second_ns, cpu_ns = monotonic_ns(), process_time_ns()
        while True:
            due_ns = monotonic_ns() + int(BEAT_SECONDS * NS) + TIMER_NS
            gevent.sleep(BEAT_SECONDS)
            now_ns = monotonic_ns()
            self.lag_ns.append(max(now_ns - due_ns, 0))
            self._note_freeze(now_ns)
            self._beat_ns = now_ns
            if now_ns - second_ns >= NS:
                self.cpu_share.append((process_time_ns() - cpu_ns) / (now_ns - second_ns))
                second_ns, cpu_ns = now_ns, process_time_ns()
            self._on_beat()

    def _note_freeze(self, now_ns: int) -> None:
        if now_ns - self._beat_ns > FROZEN_NS:
            self.freezes.append(Freeze(self._beat_ns, now_ns))
            self._beat_ns = now_ns

    def frozen_ns(self, now_ns: int) -> int:
        """The length of the freeze that may explain that a connection ends at `now_ns`; 0 if there is none."""
        self._note_freeze(now_ns)  # a read callback may run before the probe wakes up
        return self.freezes[-1].length_ns if self.freezes and self.freezes[-1].explains(now_ns) else 0

    def begin_window(self) -> None:
        """Forget the samples so far: they are not those of the measured window."""
        self.lag_ns.clear()
        self.cpu_share.clear()

    def stop(self) -> None:
        """Stop the probe."""
        self.greenlet.kill()

    def usage(self, unsent: int) -> GeneratorUsage:
        """The lag and CPU samples so far. `unsent`: publications that were due at the end but were not sent."""
        return GeneratorUsage(
            cpu_share=np.array(self.cpu_share, dtype=np.float64),
            loop_lag_ns=np.array(self.lag_ns, dtype=np.int64),
            unsent=unsent,
            loop="gevent",
        )
