"""Sign-flip permutation test and its interval, for paired differences. Exact up to 20 pairs, else seeded Monte Carlo.

If both sides of each pair are the same code, a difference is as likely to be +d as -d. Flipping signs therefore gives
every outcome that chance could have given, and no distribution is assumed (R. A. Fisher, *The Design of Experiments*,
1935, §21). The interval is the set of shifts that the test does not reject. For the mean it has a closed form. The
means of all non-empty subsets divide the line into 2^n segments, and the true centre lies in each of them with the same
probability (J. A. Hartigan, *Using subsample values as typical values*, JASA 64, 1969).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

EXACT_PAIRS = 20
"""Largest number of pairs for which all 2^n sign flips are computed."""
DRAWS = 100_000
"""Random sign flips, or random subsets, with more pairs."""
Floats = NDArray[np.float64]


def two_sided_p(differences: Floats, *, seed: int = 0, draws: int = DRAWS) -> float:
    """Probability that chance alone gives a mean at least this far from 0.

    With n pairs it is at least 2 / 2^n. Eight pairs are the fewest that can be significant after Holm over four
    metrics. `draws` is the number of random flips with more than EXACT_PAIRS pairs.
    """
    if not len(differences):
        return 1.0
    magnitudes = np.abs(differences)
    # A tiny tolerance, so that ties broken only by rounding count as ties.
    reached = abs(float(differences.sum())) - 1e-12 * float(magnitudes.sum() or 1.0)
    if len(differences) <= EXACT_PAIRS:
        sums = np.zeros(1)
        for magnitude in magnitudes:
            sums = np.concatenate([sums + magnitude, sums - magnitude])
        return float(np.mean(np.abs(sums) >= reached))
    signs = np.random.default_rng(seed).choice(np.array([-1.0, 1.0]), (draws, len(differences)))
    beyond = int(np.count_nonzero(np.abs(signs @ magnitudes) >= reached))
    return (beyond + 1) / (draws + 1)


def interval(differences: Floats, confidence: float = 0.95, *, seed: int = 0) -> tuple[float, float] | None:
    """The shifts of the centre that the test does not reject. None if there are too few pairs for this confidence.

    95 % needs six pairs. With five, even the range from the smallest to the largest contains the centre in 94 % only.
    """
    means = _subset_means(differences, seed)
    cut = int((1 - confidence) / 2 * (len(means) + 1))
    if cut < 1:
        return None
    ordered = np.sort(means)
    return float(ordered[cut - 1]), float(ordered[-cut])


def _subset_means(differences: Floats, seed: int) -> Floats:
    """Means of all non-empty subsets, or of many random ones."""
    if len(differences) <= EXACT_PAIRS:
        sums, sizes = np.zeros(1), np.zeros(1)
        for difference in differences:
            sums, sizes = np.concatenate([sums, sums + difference]), np.concatenate([sizes, sizes + 1])
        return np.asarray(sums[1:] / sizes[1:])
    chosen = np.random.default_rng(seed).random((DRAWS, len(differences))) < 0.5
    chosen = chosen[chosen.any(axis=1)]
    return np.asarray((chosen @ differences) / chosen.sum(axis=1))


def holm(p_values: list[float]) -> list[float]:
    """Holm's step-down adjustment, in the given order (S. Holm, Scandinavian Journal of Statistics 6, 1979)."""
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted
