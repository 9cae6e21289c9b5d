"""What a server's process tree uses, sampled from outside; and what the workers said about themselves."""

from __future__ import annotations

from array import array

import numpy as np
from numpy.typing import NDArray

from wsproof.load.records import Records, empty
from wsproof.model.measurement import GeneratorUsage, ServerUsage
from wsproof.model.plan import NS
from wsproof.net.clock import now_ns
from wsproof.net.usage import TreeMeter

_TREE_NS = 2_000_000_000
"""To list a tree means to read all processes of the machine, so it is done seldom; a sample of known ones is cheap."""


class ServerMeter:
    """Samples the process tree below `pid`; a row only where at least one of its processes lives."""

    def __init__(self, pid: int) -> None:
        self._tree = TreeMeter(pid, list_every_ns=_TREE_NS)
        self._columns = {name: array("q") for name in ("at_ns", "cpu_ns", "memory_bytes", "connections")}

    def sample(self, connections: int) -> None:
        """Take one sample, with the number of our connections that are open."""
        at_ns = now_ns()
        memory, cpu_ns = self._tree.memory_bytes(), self._tree.cpu_ns()
        if memory is None or cpu_ns is None:
            return
        for name, value in zip(self._columns, (at_ns, cpu_ns, memory, connections), strict=True):
            self._columns[name].append(value)

    def usage(self) -> ServerUsage:
        """The samples so far."""
        return ServerUsage(**{name: np.array(column, np.int64) for name, column in self._columns.items()})


def generator_usage(
    records: Records, start_ns: int, end_ns: int, *, unsent: int, loop: str, alone: bool
) -> GeneratorUsage:
    """What the workers used during the measured window."""
    shares = []
    lags = []
    for worker in records.workers:
        pulse = np.concatenate([empty("pulse"), *worker.pulse])
        shares.append(cpu_share(pulse[:, 0], pulse[:, 1], start_ns, end_ns))
        lags.append(pulse[(pulse[:, 0] >= start_ns) & (pulse[:, 0] < end_ns), 2])
    return GeneratorUsage(
        cpu_share=np.max(shares, axis=0) if shares else np.zeros(0),
        loop_lag_ns=np.concatenate(lags) if lags else np.zeros(0, np.int64),
        unsent=unsent,
        loop=loop,
        processes=len(records.workers),
        alone=alone,
    )


def cpu_share(at_ns: NDArray[np.int64], cpu_ns: NDArray[np.int64], start_ns: int, end_ns: int) -> NDArray[np.float64]:
    """Share of a core in each second of the window (the last may be half as long or half as long again), from samples
    of CPU time. Of a rest of some milliseconds, one burst of receipts would make a busy second."""
    edges = np.append(np.arange(start_ns, end_ns, NS), end_ns)
    if len(edges) > 2 and edges[-1] - edges[-2] < NS // 2:
        edges = np.delete(edges, -2)
    if len(at_ns) < 2:  # a worker that hardly lived
        return np.zeros(len(edges) - 1)
    used = np.interp((edges - at_ns[0]).astype(float), (at_ns - at_ns[0]).astype(float), cpu_ns.astype(float))
    return np.asarray(np.diff(used) / np.diff(edges), np.float64)
