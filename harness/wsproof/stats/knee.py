"""Estimates the knee, the level above which a server misses its objectives.

The estimate uses runs that each met or missed the objectives. Near the knee the outcome of a run is random, and other
load on the machine can spoil a run anywhere. So the result is not a single threshold but a probability distribution of
the knee, which each run narrows (Bayes' rule). The next level to try is its median (Watson & Pelli, *QUEST*, Perception
& Psychophysics 33, 1983; as a bisection that tolerates wrong answers: Horstein, IEEE Trans. Inf. Theory 9, 1963). The
model: a run at level x misses with probability

    lapse + (1 - 2 lapse) * logistic((ln x - ln knee) / softness)

At the knee, a run misses or meets with equal probability. The prior of the knee is uniform in the logarithm of the
level, up to the limits. The softness is unknown too and is averaged over.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from wsproof.model.capacity import Interval

LAPSE = 0.02
"""Probability of a wrong outcome of a run, however far from the knee."""
SOFTNESS = {0.02: 4.0, 0.05: 3.0, 0.1: 2.0, 0.2: 1.0, 0.4: 0.5}
"""Prior weights of the softness, the width of the range in which runs disagree. The unit is natural logarithms of the
level: 2 % to 40 % of it. The weights were chosen by simulation: up to a softness of 0.1 the interval contains the true
knee in 95 of 100 searches."""
CELLS = 800
"""Grid points of the knee, equally spaced in its logarithm."""
BEYOND = 2.0
"""Factor by which the prior extends below the lowest level and above the highest one. The knee may lie outside of the
levels."""
CONFIDENCE = 0.95
"""Probability that the interval contains the knee."""


class Belief:
    """Posterior distribution of the knee. `take` adds a run, `interval` returns the estimate."""

    def __init__(self, lowest: float, highest: float) -> None:
        low, high = np.log(lowest / BEYOND), np.log(highest * BEYOND)
        self._knee: NDArray[np.float64] = np.linspace(low, high, CELLS)
        self._softness: NDArray[np.float64] = np.array(list(SOFTNESS))[:, None]
        likely: NDArray[np.float64] = np.array(list(SOFTNESS.values()))[:, None]
        self._log_weight: NDArray[np.float64] = np.log(likely) + np.zeros(CELLS)

    def take(self, level: float, met: bool) -> None:
        """Add the outcome of a run."""
        # The logistic function in terms of tanh, which does not overflow.
        misses = 0.5 + 0.5 * np.tanh((np.log(level) - self._knee) / self._softness / 2)
        misses = LAPSE + (1 - 2 * LAPSE) * misses
        self._log_weight += np.log(1 - misses if met else misses)

    def interval(self) -> Interval:
        """The central 95 % interval of the knee."""
        low, middle, high = (self._quantile(share) for share in ((1 - CONFIDENCE) / 2, 0.5, (1 + CONFIDENCE) / 2))
        return Interval(low, middle, high)

    def above(self, level: float) -> float:
        """The probability that the knee lies above a level."""
        return 1.0 - float(np.interp(np.log(level), self._knee, np.cumsum(self._shares())))

    def _quantile(self, share: float) -> float:
        return float(np.exp(np.interp(share, np.cumsum(self._shares()), self._knee)))

    def _shares(self) -> NDArray[np.float64]:
        weight = np.exp(self._log_weight - self._log_weight.max()).sum(axis=0)
        shares: NDArray[np.float64] = weight / weight.sum()
        return shares
