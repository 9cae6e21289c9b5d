"""A plan of load: how many, how fast, how long; and the times at which each message is meant to leave.

Open loop: the times are fixed before the run and do not wait for the server, so a server that stalls cannot hide it
(coordinated omission; Gil Tene's wrk2). A closed loop waits for the server: it shows throughput, and never latency.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.model.arrivals import CONSTANT, NS, Arrivals, Span
from wsproof.model.sizes import Sizes

__all__ = ["NS", "Phase", "Plan", "Schedule", "schedule"]


class Phase(IntEnum):
    """Which part of the run a publication belongs to. Only MEASURED enters the metrics; all are checked."""

    PROBE = 0
    WARMUP = 1
    MEASURED = 2


@dataclass(frozen=True)
class Plan:
    """One run of the engine. `rate_hz` is publications per second in total; publishers are among the subscribers."""

    workload: str = "chat"
    subscribers: int = 100
    publishers: int = 1
    rate_hz: float = 20.0
    duration_s: float = 10.0
    warmup_s: float = 2.0
    drain_s: float = 10.0
    """The longest wait for stragglers after the window; the drain ends as soon as nothing is missing."""
    ramp_s: float = 30.0
    """The longest time to connect everybody and to hear the first receipt of each."""
    payload_bytes: int = 120
    sizes: Sizes | None = None
    """How long each message is, where they differ; `payload_bytes` is then their mean."""
    connect_hz: float | None = None
    """At most so many new connections per second; None: as fast as the server answers."""
    deflate: bool = False
    """Offer permessage-deflate; whether the server takes it is its choice."""
    steps: int = 1
    """Subscribers join in so many equal steps: the first before the warm-up, the others evenly over the window."""
    arrivals: Arrivals = CONSTANT
    in_flight: int | None = None
    """A closed loop: each publisher has so many publications on their way, and `rate_hz` is what came of it. None: an
    open loop, whose times are fixed before the run."""
    processes: int = 1
    pin: bool = True
    """Keep the engine on cores of its own, apart from those of a server that was started for the run, where there are
    enough."""
    event_loop: str = "auto"
    """`auto`: uvloop where it is installed, else asyncio; `asyncio`: the standard library's."""
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """The plan as it stands in a run record."""
        words = asdict(self) | {"arrivals": str(self.arrivals), "loop": "open"}
        words["sizes"] = None if self.sizes is None else str(self.sizes)
        return words if self.in_flight is None else words | {"arrivals": None, "loop": "closed"}

    def step_of(self, member: int) -> int:
        """The step in which a member joins, from 0. Whoever publishes is there from the beginning."""
        return member * self.steps // self.subscribers

    @property
    def span(self) -> Span:
        """What its arrivals are to fill."""
        return Span(self.rate_hz, int(self.warmup_s * NS), int(self.duration_s * NS))


@dataclass(frozen=True)
class Schedule:
    """The intended send times of a plan: ns after the start of the warm-up, ascending, with publisher and phase."""

    offset_ns: NDArray[np.int64]
    publisher: NDArray[np.int32]
    phase: NDArray[np.int8]

    def __len__(self) -> int:
        return len(self.offset_ns)


def schedule(plan: Plan) -> Schedule:
    """Spread a plan's publications over warm-up and window. The same plan gives the same schedule."""
    span = plan.span
    offsets = plan.arrivals.times(span, np.random.default_rng(plan.seed))
    offsets = offsets[offsets < span.whole_ns]
    publisher = np.arange(len(offsets), dtype=np.int32) % max(plan.publishers, 1)
    phase = np.where(offsets < span.warmup_ns, Phase.WARMUP, Phase.MEASURED).astype(np.int8)
    return Schedule(offsets, publisher, phase)
