"""Resource usage of the server, sampled from outside or scraped from its metrics, and of the workers."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import replace
from time import thread_time_ns
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from wsproof.load.files.worker_files import Records, empty
from wsproof.machine.prometheus import NoProcessMetrics, scrape
from wsproof.machine.usage import TreeMeter
from wsproof.model.measurement import ArrivalStamps, GeneratorUsage, ServerUsage
from wsproof.model.nanoseconds import NS
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.net.redact import redact
from wsproof.target.server import RunningServer

COLUMNS = ("at_ns", "cpu_ns", "memory_bytes", "connections", "fds", "switches")
UNKNOWN = -1
"""The value of a column that the server or the platform does not provide."""
_EXPENSIVE_NS = 2_000_000_000
"""Interval, in ns, of the two expensive readings: to list a process tree, the meter reads all processes of the machine,
and to count file descriptors, it lists all of them. A sample of known processes is cheap."""
_REQUEST_GAP_NS = NS
"""Shortest interval, in ns, between two requests to the metrics URL while sparing."""
_PROMPT_NS = 100_000
"""A timer that fires within this time (ns) counts as punctual: the kernel's timers and the event loop's own steps take
that long."""
_SCRAPE_TIMEOUT_S = 1.0
COST_FACTOR = 400
"""Wait this many times the CPU time of the last reading: at most 0.25 % of one core."""

Result = TypeVar("Result")


class CostLimiter:
    """Limits how often an expensive reading is taken, based on what the last one cost.

    `every_ns` is the shortest interval between two readings, however cheap they are.
    """

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
    """Columns of usage samples, appended one row at a time."""

    cpu_step_ns = 0

    def __init__(self) -> None:
        self._columns = {name: array("q") for name in COLUMNS}
        self._trouble = ""

    def add(self, *values: int | None) -> None:
        """Append a row, in the order of COLUMNS. None means that the value is not known."""
        for column, value in zip(self._columns.values(), values, strict=True):
            column.append(UNKNOWN if value is None else value)

    def usage(self) -> ServerUsage:
        """The samples so far."""
        return ServerUsage(
            **{name: np.array(column, np.int64) for name, column in self._columns.items()},
            cpu_step_ns=self.cpu_step_ns,
            trouble=self._trouble,
        )


class ServerMeter(UsageColumns):
    """Samples the process tree below `pid`. Adds a row only if at least one of its processes is alive."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self._tree = TreeMeter(pid, list_every_ns=_EXPENSIVE_NS)
        self._counting, self._sharing, self._opening = CostLimiter(), CostLimiter(), CostLimiter(_EXPENSIVE_NS)
        self._shared_bytes = 0
        self._fds: int | None = None

    def sample(self, connections: int, *, sparing: bool = False) -> None:
        """Take one sample; `connections` is the number of our open connections.

        With `sparing`, the sample is skipped unless CostLimiter allows it. The amount of memory that several processes
        share is read rarely, because the reading costs more the more memory they have mapped. Between two readings,
        growth counts as memory of their own.
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
    """Samples the metrics that the server publishes. Adds a row only if it answers.

    Requests are rare, at most one per second while sparing, because each costs the server time too.
    """

    cpu_step_ns = 10_000_000  # resolution of CPU time in Linux' /proc, which most servers' metrics are based on

    def __init__(self, source: Endpoint, secrets: tuple[str, ...] = ()) -> None:
        super().__init__()
        self._source = source
        self._secrets = secrets
        self._requested_ns = 0

    def sample(self, connections: int, *, sparing: bool = False) -> None:
        """Scrape the metrics. With `sparing`, skip the request if the last one was less than a second ago."""
        before_ns = now_ns()
        if sparing and before_ns - self._requested_ns < _REQUEST_GAP_NS:
            return
        try:
            metrics = scrape(self._source, _SCRAPE_TIMEOUT_S)
        except NoProcessMetrics as error:
            self._trouble = redact(str(error), self._secrets)
        else:
            self.add((before_ns + now_ns()) // 2, metrics.cpu_ns, metrics.memory_bytes, connections, metrics.fds, None)
        self._requested_ns = now_ns()


def meter_of(server: RunningServer | None) -> ServerMeter | UrlMeter | None:
    """Choose the meter for a server.

    The metrics URL comes first, if the user gave one; then the processes of the server, if they are visible here.
    """
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
    reader: str | None,
    alone: bool,
    cores: tuple[int, ...] = (),
) -> GeneratorUsage:
    """Usage of the workers during the measured window. `cores` are those that only the workers used."""
    shares = []
    lags, late = [], []
    for worker in records.workers:
        pulse = np.concatenate([empty("pulse"), *worker.pulse])
        shares.append(cpu_share(pulse[:, 0], pulse[:, 1], start_ns, end_ns))
        lags.append(pulse[(pulse[:, 0] >= start_ns) & (pulse[:, 0] < end_ns), 2])
        late.append(late_wakes(pulse[:, 0], pulse[:, 2]))
    stamps = replace(arrival_stamps(records, start_ns), late=np.concatenate([np.zeros((0, 2), np.int64), *late]))
    return GeneratorUsage(
        cpu_share=np.max(shares, axis=0) if shares else np.zeros(0),
        loop_lag_ns=np.concatenate(lags) if lags else np.zeros(0, np.int64),
        unsent=unsent,
        loop=loop,
        reader=reader,
        deflated=sum(entry["deflated"] for entry in records.journal() if entry["what"] == "open"),
        processes=len(records.workers),
        cores=cores,
        alone=alone,
        stamps=stamps,
    )


def arrival_stamps(records: Records, start_ns: int) -> ArrivalStamps:
    """The source of the receipt timestamps, and their accuracy from the beginning of the window on."""
    journal = records.journal()
    opened = [entry["stamped"] for entry in journal if entry["what"] == "open"]
    intervals = np.concatenate([empty("intervals"), *(part for entry in records.workers for part in entry.intervals)])
    queues = np.concatenate([empty("queues"), *(part for entry in records.workers for part in entry.queues)])
    steps = [
        (entry["after_ns"], entry["before_ns"], entry["by_ns"]) for entry in journal if entry["what"] == "clock-step"
    ]
    return ArrivalStamps(
        "kernel" if opened and all(opened) else "user",
        intervals[intervals[:, 1] >= start_ns],
        queues[queues[:, 0] >= start_ns],
        np.array(steps, np.int64).reshape(-1, 3),
    )


def late_wakes(at_ns: NDArray[np.int64], lag_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Stretches in which an event loop was held up, as rows of `ArrivalStamps.late`.

    Each runs from the moment at which a timer was due until it fired.
    """
    late = lag_ns > _PROMPT_NS
    return np.column_stack([at_ns[late] - lag_ns[late], at_ns[late]])


def cpu_share(at_ns: NDArray[np.int64], cpu_ns: NDArray[np.int64], start_ns: int, end_ns: int) -> NDArray[np.float64]:
    """Share of a core used in each second of the window, from samples of CPU time.

    The last second may be half as long or half as long again. If it could be a few milliseconds long, one burst of
    receipts would make it a busy second.
    """
    edges = np.append(np.arange(start_ns, end_ns, NS), end_ns)
    if len(edges) > 2 and edges[-1] - edges[-2] < NS // 2:
        edges = np.delete(edges, -2)
    if len(at_ns) < 2:  # the worker ended almost at once
        return np.zeros(len(edges) - 1)
    used = np.interp((edges - at_ns[0]).astype(float), (at_ns - at_ns[0]).astype(float), cpu_ns.astype(float))
    return np.asarray(np.diff(used) / np.diff(edges), np.float64)
