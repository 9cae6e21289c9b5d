"""How long a receipt may have waited until the generator read it. A bound, from what the generator noted of itself.

A message that is read in one iteration of the event loop arrived after the previous iteration began: that one would
have read it otherwise. A message that arrives at any time within these bounds has waited half of them on average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
ENOUGH_FOR_ALL = 2_000_000
"""Of more deliveries than that every second, third ... is looked at: a percentile does not need more."""


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
