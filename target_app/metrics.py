"""Measurements of this server, by this server."""

from __future__ import annotations

from collections import deque
from statistics import fmean

import psutil

REMEMBERED_MESSAGES = 512


class HandlingTimes:
    """How long the latest messages took, from being received until the channel asked for the next one."""

    def __init__(self) -> None:
        self._latest_ns: deque[int] = deque(maxlen=REMEMBERED_MESSAGES)

    def add(self, elapsed_ns: int) -> None:
        self._latest_ns.append(elapsed_ns)

    def mean_ms(self) -> float:
        """Mean of the latest messages in milliseconds; 0 before the first one."""
        return fmean(self._latest_ns) / 1e6 if self._latest_ns else 0.0


class MachineLoad:
    """CPU and memory of the whole machine, in percent."""

    def restart(self) -> None:
        """Begin the interval over which the next `cpu_percent` is a mean."""
        psutil.cpu_percent(interval=None)

    def cpu_percent(self) -> float:
        """Mean CPU use since the last call or `restart`, 0 to 100 over all cores."""
        return min(100.0, max(0.0, psutil.cpu_percent(interval=None)))

    def memory_percent(self) -> float:
        """Memory in use now, 0 to 100."""
        return min(100.0, max(0.0, float(psutil.virtual_memory().percent)))
