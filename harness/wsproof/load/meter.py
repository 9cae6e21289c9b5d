"""What a server uses, sampled from outside or told by itself; and what the workers said about themselves."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from time import thread_time_ns
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from wsproof.load.files.worker_files import Records, empty
from wsproof.machine.prometheus import NoProcessMetrics, scrape
from wsproof.machine.usage import TreeMeter
from wsproof.model.measurement import GeneratorUsage, ServerUsage
from wsproof.model.plan import NS
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.net.redact import redact
from wsproof.target.server import RunningServer

COLUMNS = ("at_ns", "cpu_ns", "memory_bytes", "connections", "fds", "switches")
NOT_TOLD = -1
_SELDOM_NS = 2_000_000_000
"""To list a tree means to read all processes of the machine, and to count descriptors to list all of them, so both are
done seldom; a sample of what is known is cheap."""
_ASK_NS = 1_000_000_000
_PROMPT_NS = 100_000
"""An alarm that rings within this time is on time: the kernel's timers and the event loop's own steps take it."""
_SCRAPE_TIMEOUT_S = 1.0
COST_FACTOR = 400
"""Wait this many times the CPU time of the last reading: at most 0.25 % of one core."""

Result = TypeVar("Result")


class CostLimiter:
    """Limits how often an expensive reading is taken, based on what the last one cost; at most once in `every_ns`."""

    def __init__(self, every_ns: int = 0) -> None:
        self._every_ns = every_ns
        self._next_ns = 0

    @property
    def due(self) -> bool:
        """Whether the next reading may be taken."""
        return now_ns() >= self._next_ns

    def measure(self, read: Callable[[], Result]) -> Result:
        """Take the reading, due or not, and schedule the next one by its CPU time."""
        began_ns, before_ns = now_ns(), thread_time_ns()
        result = read()
        self._next_ns = began_ns + max(self._every_ns, COST_FACTOR * (thread_time_ns() - before_ns))
        return result


class UsageColumns:
    """Samples, as they come."""

    cpu_step_ns = 0

    def __init__(self) -> None:
        self._columns = {name: array("q") for name in COLUMNS}
        self._trouble = ""

    def add(self, *values: int | None) -> None:
        """A row, in the order of COLUMNS; None where nothing is told."""
        for column, value in zip(self._columns.values(), values, strict=True):
            column.append(NOT_TOLD if value is None else value)

    def usage(self) -> ServerUsage:
        """The samples so far."""
        return ServerUsage(
            **{name: np.array(column, np.int64) for name, column in self._columns.items()},
            cpu_step_ns=self.cpu_step_ns,
            trouble=self._trouble,
        )


class ServerMeter(UsageColumns):
    """Samples the process tree below `pid`; a row only where at least one of its processes lives."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self._tree = TreeMeter(pid, list_every_ns=_SELDOM_NS)
        self._counting, self._sharing, self._opening = CostLimiter(), CostLimiter(), CostLimiter(_SELDOM_NS)
        self._shared_bytes = 0
        self._fds: int | None = None

    def sample(self, connections: int, *, sparing: bool = False) -> None:
        """Take one sample, with the number of our connections that are open; `sparing`: if the last was cheap enough.

        How much several processes share is asked seldom, for it costs the more the more they have mapped; between two
        answers, what they have grown by counts as their own.
        """
        if sparing and not self._counting.due:
            return
        at_ns = now_ns()
        resident = self._tree.resident_bytes()
        if resident is None:
            return
        if self._sharing.due or not sparing:
            self._shared_bytes = resident - (self._sharing.measure(self._tree.memory_bytes) or resident)
        if self._opening.due:
            self._fds = self._opening.measure(self._tree.fds)
        cpu_ns, switches = self._counting.measure(lambda: (self._tree.cpu_ns(), self._tree.switches()))
        if cpu_ns is not None:
            self.add(at_ns, cpu_ns, resident - self._shared_bytes, connections, self._fds, switches)


class UrlMeter(UsageColumns):
    """Samples what the server says about itself; a row only when it does. Asked seldom: it costs the server, too."""

    cpu_step_ns = 10_000_000  # what Linux tells a process in /proc, and hence most of them tell us

    def __init__(self, source: Endpoint, secrets: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._source = source
        self._secrets = secrets
        self._asked_ns = 0

    def sample(self, connections: int, *, sparing: bool = False) -> None:
        """Ask; `sparing`: unless that was a moment ago."""
        before_ns = now_ns()
        if sparing and before_ns - self._asked_ns < _ASK_NS:
            return
        try:
            told = scrape(self._source, _SCRAPE_TIMEOUT_S)
        except NoProcessMetrics as why:
            self._trouble = redact(str(why), self._secrets)
        else:
            self.add((before_ns + now_ns()) // 2, told.cpu_ns, told.memory_bytes, connections, told.fds, None)
        self._asked_ns = now_ns()


def meter_of(server: RunningServer | None) -> ServerMeter | UrlMeter | None:
    """What says what this server uses: the URL that was named, else its processes, where they are ours to see."""
    if server is None:
        return None
    if server.target.metrics is not None:
        return UrlMeter(server.target.metrics, server.target.secrets)
    return ServerMeter(server.pid) if server.pid is not None else None


def generator_usage(
    records: Records,
    start_ns: int,
    end_ns: int,
    *,
    unsent: int,
    loop: str,
    alone: bool,
    cores: tuple[int, ...] = (),
) -> GeneratorUsage:
    """What the workers used during the measured window; `cores`: those that nobody else of the run used."""
    shares = []
    lags, late = [], []
    for worker in records.workers:
        pulse = np.concatenate([empty("pulse"), *worker.pulse])
        shares.append(cpu_share(pulse[:, 0], pulse[:, 1], start_ns, end_ns))
        lags.append(pulse[(pulse[:, 0] >= start_ns) & (pulse[:, 0] < end_ns), 2])
        late.append(late_wakes(pulse[:, 0], pulse[:, 2]))
    return GeneratorUsage(
        cpu_share=np.max(shares, axis=0) if shares else np.zeros(0),
        loop_lag_ns=np.concatenate(lags) if lags else np.zeros(0, np.int64),
        unsent=unsent,
        loop=loop,
        deflated=sum(entry["deflated"] for entry in records.journal() if entry["what"] == "open"),
        processes=len(records.workers),
        cores=cores,
        alone=alone,
        turns=tuple(np.concatenate([empty("turns"), *worker.turns]) for worker in records.workers) + tuple(late),
    )


def late_wakes(at_ns: NDArray[np.int64], lag_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """The times in which an event loop was held up, in the form of `GeneratorUsage.turns`: from the moment at which an
    alarm was due until it rang. A receipt that was stamped within one may have waited since it began."""
    late = lag_ns > _PROMPT_NS
    return np.column_stack([at_ns[late] - lag_ns[late], at_ns[late], np.zeros(np.count_nonzero(late), np.int64)])


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
