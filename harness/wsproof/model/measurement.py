"""Measurement of a run: its history, its plan, and the resource usage of server and generator."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from wsproof.model.contract import Contract
from wsproof.model.history import History
from wsproof.model.plan import Plan


def _empty() -> NDArray[np.int64]:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class ServerUsage:
    """Samples of the server's resource usage, one per row.

    They come from its process tree, or from a Prometheus URL. Columns: monotonic ns, CPU ns used so far, resident bytes
    (PSS if there are workers), our open connections, open file descriptors, and context switches so far (-1: not
    reported). `cpu_step_ns` is the resolution of the CPU time, if it is coarse. `trouble` says why samples are missing.
    """

    at_ns: NDArray[np.int64] = field(default_factory=_empty)
    cpu_ns: NDArray[np.int64] = field(default_factory=_empty)
    memory_bytes: NDArray[np.int64] = field(default_factory=_empty)
    connections: NDArray[np.int64] = field(default_factory=_empty)
    fds: NDArray[np.int64] = field(default_factory=_empty)
    switches: NDArray[np.int64] = field(default_factory=_empty)
    cpu_step_ns: int = 0
    trouble: str = ""


def _rows(width: int) -> NDArray[np.int64]:
    return np.zeros((0, width), dtype=np.int64)


@dataclass(frozen=True)
class ArrivalStamps:
    """The generator's knowledge of the arrival times of messages.

    `clock` is `kernel` if the kernel stamped what each connection received, so that it does not matter when the
    generator read it. Otherwise it is `user`: the generator stamped what it read. The tables:

    - `intervals`: messages without an exact time, which are recorded at the end of the interval. With the kernel's
      stamps, these are messages that were read together with a later one; otherwise, all. Columns: after_ns, at_ns,
      messages, and woke_ns, the time since which the event loop had read without a pause (0: not known). Before that it
      slept until something arrived.
    - `queues`: large reads. Columns: at_ns, bytes that the read found waiting, and the largest receive window.
    - `late`: stretches in which an event loop woke up late. Columns: start_ns, end_ns.
    - `steps`: stretches in which somebody set the wall clock. Columns: after_ns, before_ns, by_ns.
    """

    clock: str = "user"
    intervals: NDArray[np.int64] = field(default_factory=lambda: _rows(4))
    queues: NDArray[np.int64] = field(default_factory=lambda: _rows(3))
    steps: NDArray[np.int64] = field(default_factory=lambda: _rows(3))
    late: NDArray[np.int64] = field(default_factory=lambda: _rows(2))


@dataclass(frozen=True)
class GeneratorUsage:
    """Resource usage of the load generator.

    `cpu_share` is the largest share of one core that any generator process used, one value per second of the window.
    """

    cpu_share: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    loop_lag_ns: NDArray[np.int64] = field(default_factory=_empty)
    unsent: int = 0
    """The backlog: publications that were due but not yet sent when the window ended."""
    loop: str = "asyncio"
    reader: str | None = None
    """Which code read known frames: `compiled` or `python`; None outside the load engine."""
    deflated: int = 0
    """Number of connections on which the server agreed to compression."""
    processes: int = 1
    cores: tuple[int, ...] = ()
    """The cores reserved for the generator, apart from the server's; empty if all cores were shared."""
    stamps: ArrivalStamps = field(default_factory=ArrivalStamps)
    alone: bool = True
    """Whether no other measurement of wsproof ran on this machine at the same time."""


@dataclass(frozen=True)
class Measurement:
    """The input of METRICS. `server` is None if the server's processes are not visible to us."""

    plan: Plan
    contract: Contract
    history: History
    generator: GeneratorUsage = field(default_factory=GeneratorUsage)
    server: ServerUsage | None = None
