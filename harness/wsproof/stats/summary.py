"""Summaries of samples: nearest-rank percentiles, omitted if there are too few samples."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.model.summary import Summary

ENOUGH = {"p50": 1, "p90": 10, "p99": 100, "p999": 1000}
"""Samples that a percentile needs. With fewer, it would equal the maximum, so it is null."""

SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p999": 0.999}
"""Share of the samples that do not exceed each percentile."""


def nearest_rank(ordered: NDArray[Any], share: float) -> float:
    """The smallest sample that at least `share` of all samples do not exceed (nearest rank: always a real sample).

    `ordered` is ascending and not empty. There is no interpolation: between two modes it would report a latency that
    never occurred.
    """
    # The tiny subtraction prevents that 0.99 * 100 = 99.00000000000001 selects the hundredth sample.
    rank = math.ceil(share * len(ordered) - 1e-9)
    return float(ordered[max(rank, 1) - 1])


def summary_of(samples: NDArray[Any] | None, unit: str, better: str) -> Summary:
    """Summarise samples in `unit`. Without samples, n is 0 and every number is null."""
    if samples is None or not len(samples):
        return Summary(unit, better, 0, None)
    ordered = np.sort(samples)
    ranks = {
        name: nearest_rank(ordered, share) if len(ordered) >= ENOUGH[name] else None for name, share in SHARES.items()
    }
    return Summary(
        unit=unit,
        better=better,
        n=len(ordered),
        value=ranks["p50"],
        mean=float(ordered.mean()),
        min=float(ordered[0]),
        max=float(ordered[-1]),
        p50=ranks["p50"],
        p90=ranks["p90"],
        p99=ranks["p99"],
        p999=ranks["p999"],
    )
