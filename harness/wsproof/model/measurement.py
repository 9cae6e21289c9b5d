"""A history with what it cost: the plan it followed, and what server and generator used meanwhile."""

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
    """Samples of what the server uses, one per row: of its process tree, or what it told at a Prometheus URL.

    Monotonic ns, CPU ns used so far, resident bytes (PSS where there are workers), our connections open, open file
    descriptors and context switches so far (-1: not told). `cpu_step_ns`: the steps in which CPU time is told,
    where they are coarse. `trouble`: why there are fewer samples than there should be.
    """

    at_ns: NDArray[np.int64] = field(default_factory=_empty)
    cpu_ns: NDArray[np.int64] = field(default_factory=_empty)
    memory_bytes: NDArray[np.int64] = field(default_factory=_empty)
    connections: NDArray[np.int64] = field(default_factory=_empty)
    fds: NDArray[np.int64] = field(default_factory=_empty)
    switches: NDArray[np.int64] = field(default_factory=_empty)
    cpu_step_ns: int = 0
    trouble: str = ""


@dataclass(frozen=True)
class GeneratorUsage:
    """The harness on itself.

    `cpu_share` is the largest share of one core that any generator process used, one value per second of the window.
    """

    cpu_share: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    loop_lag_ns: NDArray[np.int64] = field(default_factory=_empty)
    unsent: int = 0
    """Publications whose time had come and that were not handed over when the window ended: the backlog."""
    loop: str = "asyncio"
    deflated: int = 0
    """Connections on which the server has agreed to compress."""
    processes: int = 1
    cores: tuple[int, ...] = ()
    """The cores that were its own, apart from the server's; none: all were shared."""
    turns: tuple[NDArray[np.int64], ...] = ()
    """Times in which the event loops may have stamped receipts late: their turns, and where an alarm rang late. Tables
    of (n, 3) columns: began, ended, and how long at most something that was read in it had been there before; ns."""
    alone: bool = True
    """No other measurement of wsproof ran on this machine at the same time."""


@dataclass(frozen=True)
class Measurement:
    """What METRICS are computed from. `server` is None where the server's processes are not ours to see."""

    plan: Plan
    contract: Contract
    history: History
    generator: GeneratorUsage = field(default_factory=GeneratorUsage)
    server: ServerUsage | None = None
