"""Evidence from interleaved pairs of blocks for one metric: ratio, interval, p-value and A/A intervals.

Everything is computed on log-ratios ln(candidate / base), one per pair of adjacent blocks. So a drift of the machine
cancels within a pair, and "twice" and "half" are equally far from 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import atan, cos, inf, log, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from wsproof.stats import permutation

Pair = tuple[float, float]
"""(base, candidate) of one pair of blocks. In an A/A pair: (first, second)."""

CONFIDENCE = 0.95
EQUIVALENCE_CONFIDENCE = 0.90
"""Two one-sided tests at 5 % find a change to be smaller than the floor in both directions exactly where the interval
of this confidence lies within the floor (D. J. Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15,
1987)."""
VETO_CONFIDENCE = 0.999
"""Confidence that the harness itself is biased. It is stricter, because at 95 % one unbiased comparison in ten would be
discarded."""
POWER_QUANTILE = 0.8416
"""Standard normal quantile of 80 %, the power of `detectable`."""


@dataclass(frozen=True)
class RatioInterval:
    """An interval of log-ratios."""

    low: float
    high: float

    @property
    def extent(self) -> float:
        """The largest distance of the interval from "no change", in either direction."""
        return max(abs(self.low), abs(self.high))

    def beyond(self, floor: float) -> bool:
        """Whether the whole interval lies more than `floor` from "no change", on one side."""
        return self.low > floor or self.high < -floor


@dataclass(frozen=True)
class Evidence:
    """Result of the pairs, as log-ratios.

    `span` is the 95 % interval, and `equivalence` the 90 % interval. `identical` and `bias` are the A/A intervals (95 %
    and 99.9 %).
    """

    pairs: int
    estimate: float
    span: RatioInterval | None
    equivalence: RatioInterval | None
    p: float
    noise: float
    """Standard deviation of one pair's log-ratio."""
    identical: RatioInterval | None = None
    bias: RatioInterval | None = None

    def detectable(self, floor: float, tests: int) -> float:
        """The smallest log-ratio that this many pairs with this noise would show in four of five comparisons."""
        if self.pairs < 2:
            return inf
        error = self.noise / sqrt(self.pairs)
        strictest = student_quantile(1 - (1 - CONFIDENCE) / max(tests, 1), self.pairs - 1)
        return max(floor + POWER_QUANTILE * error, (strictest + POWER_QUANTILE) * error)


def log_ratios(pairs: Sequence[Pair]) -> NDArray[np.float64]:
    """ln(candidate / base) of each pair in which both sides are above zero."""
    return np.array(
        [log(candidate / base) for base, candidate in pairs if base > 0 and candidate > 0], dtype=np.float64
    )


def weigh(pairs: Sequence[Pair], identical: Sequence[Pair] = (), *, seed: int = 0) -> Evidence | None:
    """Compute the evidence of the pairs and of the A/A pairs. None if no pair has a ratio."""
    differences, same_code = log_ratios(pairs), log_ratios(identical)
    if not len(differences):
        return None
    noise = float(differences.std(ddof=1)) if len(differences) > 1 else 0.0
    return Evidence(
        pairs=len(differences),
        estimate=float(differences.mean()),
        span=ratio_interval(differences, CONFIDENCE, seed=seed),
        equivalence=ratio_interval(differences, EQUIVALENCE_CONFIDENCE, seed=seed),
        p=permutation.two_sided_p(differences, seed=seed),
        noise=noise,
        identical=_identical(differences, same_code, CONFIDENCE),
        bias=_identical(differences, same_code, VETO_CONFIDENCE),
    )


def ratio_interval(differences: NDArray[np.float64], confidence: float, *, seed: int = 0) -> RatioInterval | None:
    """The interval of the inverted permutation test. With too few pairs for one, that of Student's t."""
    bounds = permutation.interval(differences, confidence, seed=seed)
    return RatioInterval(*bounds) if bounds is not None else student_interval(differences, confidence)


def student_interval(differences: NDArray[np.float64], confidence: float) -> RatioInterval | None:
    """Student's interval of the mean. None for fewer than two differences."""
    if len(differences) < 2:
        return None
    half = student_quantile(confidence, len(differences) - 1) * float(differences.std(ddof=1)) / sqrt(len(differences))
    return RatioInterval(float(differences.mean()) - half, float(differences.mean()) + half)


def _identical(
    differences: NDArray[np.float64], same_code: NDArray[np.float64], confidence: float
) -> RatioInterval | None:
    """Student's interval of the A/A pairs, with the noise of all pairs.

    There are few A/A pairs, because each costs two blocks, and a standard deviation of four numbers is inaccurate. The
    difference of two adjacent blocks depends on machine and plan. So the A/B pairs, each set around its own mean, help
    to estimate it. Simulated with 3 % noise, 10 pairs and 5 A/A pairs: a change of 10 % is found in 97 % instead of 88
    %.
    """
    freedom = len(same_code) - 1 + len(differences) - 1
    if not len(same_code) or freedom < 1:
        return None
    squares = float(((same_code - same_code.mean()) ** 2).sum() + ((differences - differences.mean()) ** 2).sum())
    half = student_quantile(confidence, freedom) * sqrt(squares / freedom / len(same_code))
    return RatioInterval(float(same_code.mean()) - half, float(same_code.mean()) + half)


def student_probability(t: float, freedom: int) -> float:
    """P(|T| <= t), by the finite series of Abramowitz & Stegun, 26.7.3 (odd freedom) and 26.7.4 (even)."""
    angle = atan(t / sqrt(freedom))
    odd = freedom % 2
    term = cos(angle) if odd else 1.0
    total = 0.0 if freedom == 1 else term
    for k in range(2 if odd else 1, freedom - 1, 2):
        term *= cos(angle) ** 2 * k / (k + 1)
        total += term
    return 2 / pi * (angle + sin(angle) * total) if odd else sin(angle) * total


@cache
def student_quantile(confidence: float, freedom: int) -> float:
    """The t that |T| does not exceed with probability `confidence`, by bisection (Student's t, without scipy)."""
    low, high = 0.0, 1e6
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if student_probability(middle, freedom) < confidence else (low, middle)
    return (low + high) / 2
