"""An upper bound for the time that a receipt waited until the generator read it.

The bound is based on what the workers recorded about their event loops. A message that is read in one iteration of the
loop arrived after the previous iteration began: otherwise that one would have read it. If the arrival is equally likely
at any time in these bounds, the message waited half of the bound on average.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
ENOUGH_FOR_ALL = 2_000_000
"""Deliveries up to which all are examined. Beyond, every second (third, ...) is enough for a percentile."""


def waited_ns(received_ns: Ints, iterations: tuple[Ints, ...]) -> Ints:
    """The longest time, in ns, that each receipt may have waited before it was stamped.

    The iterations of different workers are not told apart. If several workers read at the same time, the longest wait
    counts.
    """
    waited = np.zeros(len(received_ns), np.int64)
    for began_ns, ended_ns, before_ns in (table.T for table in iterations if len(table)):
        iteration = np.searchsorted(began_ns, received_ns, side="right") - 1
        inside = (iteration >= 0) & (received_ns <= ended_ns[iteration])
        own = before_ns[iteration] + received_ns - began_ns[iteration]
        waited = np.where(inside, np.maximum(waited, own), waited)
    return waited
