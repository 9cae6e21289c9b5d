"""Measurements of this server, by this server."""

from __future__ import annotations

import resource
import time
from collections import deque
from statistics import fmean

import psutil

REMEMBERED_MESSAGES = 512

SHORTEST_INTERVAL = 0.02
"""Minimum interval in seconds. The system counts CPU time in hundredths of a second."""


class HandlingTimes:
    """Handling times of the latest messages: from receipt until the channel asked for the next one."""

    def __init__(self) -> None:
        self._latest_ns: deque[int] = deque(maxlen=REMEMBERED_MESSAGES)

    def add(self, elapsed_ns: int) -> None:
        self._latest_ns.append(elapsed_ns)

    def mean_ms(self) -> float:
        """Return the mean of the latest messages in milliseconds; 0 before the first one."""
        return fmean(self._latest_ns) / 1e6 if self._latest_ns else 0.0


class MachineLoad:
    """CPU and memory of the whole machine, in percent."""

    def __init__(self) -> None:
        psutil.cpu_percent(interval=None)  # starts the interval that the next call averages over
        self._cpu_percent = 0.0
        self._measured_at = time.monotonic()

    def cpu_percent(self) -> float:
        """Return the mean CPU use since the last call, 0 to 100 over all cores. Repeats it within a short interval."""
        now = time.monotonic()
        if now - self._measured_at >= SHORTEST_INTERVAL:
            self._cpu_percent = min(100.0, max(0.0, psutil.cpu_percent(interval=None)))
            self._measured_at = now
        return self._cpu_percent

    def memory_percent(self) -> float:
        """Return the memory in use, 0 to 100."""
        return min(100.0, max(0.0, float(psutil.virtual_memory().percent)))


def process_figures() -> dict[str, float]:
    """Return the usage of this process under the names of Prometheus. CPU time comes from the process's own clock,
    which is finer than the hundredths that the system reports."""
    process = psutil.Process()
    return {
        "process_cpu_seconds": time.process_time(),
        "process_resident_memory_bytes": process.memory_info().rss,
        "process_open_fds": process.num_fds(),
        "process_max_fds": resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        "process_start_time_seconds": process.create_time(),
    }
