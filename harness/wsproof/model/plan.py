"""Load plan and schedule: how many members, which rate, how long, and when each message is intended to be sent.

Open loop: the send times are fixed before the run and do not wait for the server. So a server that stalls cannot hide
the stall (coordinated omission; Gil Tene's wrk2). A closed loop waits for the server: it measures throughput, and never
latency.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.model.arrivals import CONSTANT, Arrivals, Span
from wsproof.model.nanoseconds import NS
from wsproof.model.sizes import Sizes

__all__ = ["COMPARABLE_FIELDS", "NS", "Phase", "Plan", "Schedule", "schedule"]

COMPARABLE_FIELDS = (
    "workload",
    "subscribers",
    "publishers",
    "rate_hz",
    "duration_s",
    "payload_bytes",
    "sizes",
    "deflate",
    "arrivals",
    "in_flight",
    "processes",
    "pin",
    "event_loop",
    "generator",
)
"""Fields of a recorded plan that must be equal in two runs for their figures to be comparable."""


class Phase(IntEnum):
    """The part of the run to which a publication belongs. Only MEASURED enters the metrics; all are checked."""

    PROBE = 0
    WARMUP = 1
    MEASURED = 2


@dataclass(frozen=True)
class Plan:
    """One run of the load engine.

    `rate_hz` is publications per second in total. Publishers are among the subscribers.
    """

    workload: str = "chat"
    subscribers: int = 100
    publishers: int = 1
    rate_hz: float = 20.0
    duration_s: float = 10.0
    warmup_s: float = 2.0
    drain_s: float = 10.0
    """Maximum seconds to wait for late receipts after the window. The drain ends once nothing is missing."""
    ramp_s: float = 30.0
    """Maximum seconds to connect all members and get the first receipt of each."""
    payload_bytes: int = 120
    sizes: Sizes | None = None
    """Distribution of message sizes; `payload_bytes` is then the mean. None: all messages have one size."""
    connect_hz: float | None = None
    """Maximum number of new connections per second; None: as fast as the server answers."""
    deflate: bool = False
    """Offer permessage-deflate. The server decides whether to accept it."""
    steps: int = 1
    """Number of equal steps in which subscribers join.

    The first step joins before the warm-up, the others evenly over the window.
    """
    arrivals: Arrivals = CONSTANT
    in_flight: int | None = None
    """Closed loop: the number of publications that each publisher has in flight. `rate_hz` is then a result.

    None: an open loop, whose send times are fixed before the run.
    """
    processes: int = 1
    pin: bool = True
    """Pin the engine to separate cores, apart from those of a server started for the run.

    No pinning if there are too few cores.
    """
    event_loop: str = "auto"
    """`auto`: uvloop if installed, else asyncio; `asyncio`: the event loop of the standard library."""
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the plan as stored in a run record."""
        words = asdict(self) | {"arrivals": str(self.arrivals), "loop": "open"}
        words["sizes"] = None if self.sizes is None else str(self.sizes)
        return words if self.in_flight is None else words | {"arrivals": None, "loop": "closed"}

    def step_of(self, member: int) -> int:
        """Return the step in which a member joins, from 0. Publishers join in the first step."""
        return member * self.steps // self.subscribers

    @property
    def span(self) -> Span:
        """The time that the arrivals fill."""
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
