"""How much of the latency is the generator's own? An estimate for each delivery, from what it noted of itself.

Two things come to it: a publication that left late (its slip, known exactly), and a receipt that had to wait until the
event loop was done with what it read before. Of the second only a bound is known: nothing that a turn of the loop has
read can have come before the turn before it began, or that one would have read it. What comes at any time within that
has waited for half of it in the mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsproof.stats.deliveries import Deliveries
from wsproof.stats.summary import nearest_rank

Ints = NDArray[np.int64]
ENOUGH_FOR_ALL = 2_000_000
"""Of more deliveries than that every second, third ... is looked at: a percentile does not need more."""


@dataclass(frozen=True)
class OwnDelay:
    """The p99 of latency as it is reported, and without the generator's own part; ns."""

    p99_ns: float
    without_ns: float


def own_delay(joined: Deliveries, turns: tuple[Ints, ...]) -> OwnDelay | None:
    """The p99 of latency with and without what the generator has added; None without a delivery."""
    some = slice(None, None, 1 + len(joined.received_ns) // ENOUGH_FOR_ALL)
    received_ns, of = joined.received_ns[some], joined.publication[some]
    if not len(received_ns):
        return None
    latency_ns = received_ns - joined.published.intended_ns[of]
    slip_ns = np.maximum(joined.published.sent_ns[of] - joined.published.intended_ns[of], 0)
    own_ns = slip_ns + waited_ns(received_ns, turns) // 2
    return OwnDelay(nearest_rank(np.sort(latency_ns), 0.99), nearest_rank(np.sort(latency_ns - own_ns), 0.99))


def waited_ns(received_ns: Ints, turns: tuple[Ints, ...]) -> Ints:
    """How long each receipt may have lain there, at most, before it was stamped.

    The workers' turns are not told apart: where several read at the same time, the longest wait counts.
    """
    waited = np.zeros(len(received_ns), np.int64)
    for began_ns, ended_ns, before_ns in (table.T for table in turns if len(table)):
        turn = np.searchsorted(began_ns, received_ns, side="right") - 1
        inside = (turn >= 0) & (received_ns <= ended_ns[turn])
        own = before_ns[turn] + received_ns - began_ns[turn]
        waited = np.where(inside, np.maximum(waited, own), waited)
    return waited
