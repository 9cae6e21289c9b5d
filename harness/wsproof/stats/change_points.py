"""Change points of a metric over many runs: the first runs of a new level.

The method is that of Hunter, now Apache Otava: Fleming et al., "Hunter: Using Change Point Detection to Hunt for
Performance Regressions" (ICPE 2023). E-divisive (Matteson & James, "A Nonparametric Approach for Multiple Change Point
Analysis of Multivariate Data", 2014) finds where to split a series, and Student's t-test decides whether a split
counts. Windows of 50 values are Otava's default.

Three rules are ours, because a false alarm is worse than a late one. p is smaller than 0.0001 instead of 0.001. Each
side of a change has at least FEWEST values: one slow run is no new level. And a change is at least as large as the
metric's floor, the one that comparisons use.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, sqrt

import numpy as np
from numpy.typing import NDArray

from wsproof.stats.paired import student_probability

WINDOW = 50
"""Number of values in which one search looks for change points. Windows overlap by half."""
MAX_P = 0.0001
"""Significance of a change point, ten times as strict as Otava's default.

In simulated histories of 100 runs without a change (noise of 3 to 20 %, two modes, outliers), at most 1 in 100 has a
false change point. A change of three times the noise is still found.
"""
WEAK = 10.0
"""Factor on `MAX_P` for a split that is only a candidate. Candidates are tested again beside each other."""
FEWEST = 4
"""Minimum number of values before and after a change that counts."""
SHORTEST = 2
"""Minimum number of values of a part while splits are searched for, as in Otava."""

Series = NDArray[np.float64]


@dataclass(frozen=True)
class ChangePoint:
    """One change: `index` is the first value of the new level. `before` and `after` are the means of both levels."""

    index: int
    before: float
    after: float
    p: float

    @property
    def change(self) -> float:
        """The larger of both relative changes, from either side: halving and doubling are equally large."""
        low, high = sorted((abs(self.before), abs(self.after)))
        if self.before * self.after < 0 or (low == 0 and high > 0):
            return inf
        return high / low - 1 if low else 0.0


def change_points(values: Sequence[float], *, floor: float = 0.0, max_p: float = MAX_P) -> tuple[ChangePoint, ...]:
    """The change points of a series in order of time. Changes smaller than `floor` (0.05 = 5 %) do not count."""
    series = np.asarray(values, dtype=np.float64)
    edges = _candidates(series, max_p * WEAK)
    while True:
        points = _tested(series, edges)
        weakest = _weakest(points, edges, len(series), max_p, floor)
        if weakest is None:
            return points
        edges.remove(weakest.index)


def _weakest(
    points: Sequence[ChangePoint], edges: Sequence[int], size: int, max_p: float, floor: float
) -> ChangePoint | None:
    """The change point to drop first: one beside a short part, else the least significant, else the smallest."""
    bounds = [0, *edges, size]
    for point, low, high in zip(points, bounds, bounds[2:], strict=False):
        if min(point.index - low, high - point.index) < FEWEST:
            return point
    insignificant = [point for point in points if point.p >= max_p]
    if insignificant:
        return max(insignificant, key=lambda point: point.p)
    return min((point for point in points if point.change < floor), key=lambda point: point.change, default=None)


def _candidates(series: Series, max_p: float) -> list[int]:
    """The splits of all windows. The next window begins at the last split of the one before, or half a window later."""
    edges: set[int] = set()
    start = 0
    while start < len(series):
        splits = _splits(series[start : start + WINDOW], max_p)
        edges |= {start + index for index in splits}
        start = max(start + max(splits, default=0), start + WINDOW // 2)
    return sorted(edges)


def _splits(window: Series, max_p: float) -> list[int]:
    """Split a window where its parts differ most, and again, until a split is no longer significant."""
    edges: list[int] = []
    while True:
        parts = list(pairwise([0, *edges, len(window)]))
        best = max((_best_split(window[low:high], low) for low, high in parts), default=(-inf, 0))
        if best[0] == -inf:
            return edges
        low, high = next((low, high) for low, high in parts if low < best[1] < high)
        if _p_value(window[low : best[1]], window[best[1] : high]) > max_p:
            return edges
        edges = sorted([*edges, best[1]])


def _best_split(part: Series, offset: int) -> tuple[float, int]:
    """The largest divergence of two neighbours in a part, and where the second begins; (-inf, 0) if it is too short.

    The second neighbour may end before the part does: so a level that does not last is found, too.
    """
    size = len(part)
    if size < 2 * SHORTEST:
        return -inf, 0
    sums = np.zeros((size + 1, size + 1))
    """The sum of the distances between the first i and the first j values."""
    sums[1:, 1:] = np.abs(part[:, None] - part[None, :]).cumsum(axis=0).cumsum(axis=1)
    own = np.diagonal(sums)
    split = np.arange(SHORTEST, size - SHORTEST + 1)[:, None]
    end = np.arange(2 * SHORTEST, size + 1)[None, :]
    left, right = split, np.maximum(end - split, SHORTEST)
    to_end = sums[SHORTEST : size - SHORTEST + 1, 2 * SHORTEST :]
    between = to_end - own[split]
    within_left = own[split] / 2
    within_right = (own[end] - 2 * to_end + own[split]) / 2
    divergence = 2 / (left + right) * (between - right * within_left / (left - 1) - left * within_right / (right - 1))
    divergence[end - split < SHORTEST] = -inf
    row, column = np.unravel_index(np.argmax(divergence), divergence.shape)
    return float(divergence[row, column]), offset + SHORTEST + int(row)


def _tested(series: Series, edges: Sequence[int]) -> tuple[ChangePoint, ...]:
    """Each split with the means of the parts beside it, and the probability that they are equal."""
    bounds = [0, *edges, len(series)]
    return tuple(
        ChangePoint(
            index,
            float(series[low:index].mean()),
            float(series[index:high].mean()),
            _p_value(series[low:index], series[index:high]),
        )
        for low, index, high in zip(bounds, edges, bounds[2:], strict=False)
    )


def _p_value(left: Series, right: Series) -> float:
    """Student's two-sided t-test of two independent samples of equal variance."""
    freedom = len(left) + len(right) - 2
    difference = abs(float(left.mean() - right.mean()))
    squares = float(((left - left.mean()) ** 2).sum() + ((right - right.mean()) ** 2).sum())
    if freedom < 1 or difference == 0:
        return 1.0
    error = sqrt(squares / freedom * (1 / len(left) + 1 / len(right)))
    return 1 - student_probability(difference / error, freedom) if error else 0.0
