"""What opening connections has cost a process."""

from __future__ import annotations

import gc
import json
import time
from pathlib import Path

from benchmarks.progress_line import say


class Meter:
    """What the process has used since this was made, told as a line."""

    def __init__(self, connections: int) -> None:
        gc.collect()
        self._connections = connections
        self._kib = resident_kib()
        self._cpu_s = time.process_time()

    def tell(self) -> None:
        """All connections are open now."""
        cpu_s = time.process_time() - self._cpu_s
        gc.collect()
        kib = (resident_kib() - self._kib) / self._connections
        say(json.dumps({"per_cpu_s": self._connections / cpu_s, "kib": kib}))


def resident_kib() -> float:
    """PSS of this process."""
    with Path("/proc/self/smaps_rollup").open() as rollup:
        return float(next(line.split()[1] for line in rollup if line.startswith("Pss:")))
