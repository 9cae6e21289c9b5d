"""The cost of opening connections, measured in the process of the client."""

from __future__ import annotations

import gc
import json
import time
from pathlib import Path

from benchmarks.progress_line import say


class Meter:
    """Measures the CPU time and memory that the process uses after this object was made."""

    def __init__(self, connections: int) -> None:
        gc.collect()
        self._connections = connections
        self._kib = resident_kib()
        self._cpu_s = time.process_time()

    def tell(self) -> None:
        """Print the cost as a line of JSON. Call it when all connections are open."""
        cpu_s = time.process_time() - self._cpu_s
        gc.collect()
        kib = (resident_kib() - self._kib) / self._connections
        say(json.dumps({"per_cpu_s": self._connections / cpu_s, "kib": kib}))


def resident_kib() -> float:
    """The PSS of this process, in KiB."""
    with Path("/proc/self/smaps_rollup").open() as rollup:
        return float(next(line.split()[1] for line in rollup if line.startswith("Pss:")))
