"""The load generator on itself: how late its greenlets run, and how much of a core the process uses."""

from __future__ import annotations

from time import monotonic_ns, process_time_ns

import gevent
import numpy as np

from wsproof.model.measurement import GeneratorUsage
from wsproof.model.plan import NS

BEAT_SECONDS = 0.05


class Pulse:
    """Beats every 50 ms until stopped; a beat that comes late shows how late everything else ran."""

    def __init__(self) -> None:
        self.lag_ns: list[int] = []
        self.cpu_share: list[float] = []
        self._greenlet = gevent.spawn(self._beat)

    def _beat(self) -> None:
        second_ns, cpu_ns = monotonic_ns(), process_time_ns()
        while True:
            due_ns = monotonic_ns() + int(BEAT_SECONDS * NS)
            gevent.sleep(BEAT_SECONDS)
            now_ns = monotonic_ns()
            self.lag_ns.append(max(now_ns - due_ns, 0))
            if now_ns - second_ns >= NS:
                self.cpu_share.append((process_time_ns() - cpu_ns) / (now_ns - second_ns))
                second_ns, cpu_ns = now_ns, process_time_ns()

    def stop(self) -> None:
        """Beat no more."""
        self._greenlet.kill()

    def usage(self) -> GeneratorUsage:
        """What was seen so far."""
        return GeneratorUsage(
            cpu_share=np.array(self.cpu_share, dtype=np.float64),
            loop_lag_ns=np.array(self.lag_ns, dtype=np.int64),
            loop="gevent",
        )
