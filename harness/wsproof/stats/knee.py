"""Where the knee is: the level above which a server misses its objectives, from runs that each say met or missed.

A run near the knee is a coin toss, and a neighbour on the machine can spoil one anywhere. So the answer is no single
threshold but a distribution over where it may be, which each run narrows (Bayes' rule), and from which the next level
to try follows: its median (Watson & Pelli, *QUEST*, Perception & Psychophysics 33, 1983; as a bisection that tolerates
wrong answers: Horstein, IEEE Trans. Inf. Theory 9, 1963). The model: a run at level x misses with probability
    lapse + (1 - 2 lapse) * logistic((ln x - ln knee) / softness)
The knee is the level at which as many runs miss as meet. All levels up to the limits are as likely at first, in their
logarithm; the softness is not known either, and is averaged over.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LAPSE = 0.02
"""How often a run says the wrong thing however far from the knee it is."""
SOFTNESS = {0.02: 4.0, 0.05: 3.0, 0.1: 2.0, 0.2: 1.0, 0.4: 0.5}
"""Widths of the stretch in which runs disagree (in natural logarithms: 2 % to 40 % of the level), and how likely each
is at first. Chosen by simulation: up to a softness of 0.1 the interval holds the true knee in 95 of 100 searches."""
CELLS = 800
BEYOND = 2.0
"""The knee may also lie below the lowest level or above the highest; so far, in all, it may lie."""
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Interval:
    """Where the knee lies with 95 % probability, and its median."""

    low: float
    middle: float
    high: float


class Belief:
    """What is known of the knee between two levels. `take` adds a run, `interval` says where it is."""

    def __init__(self, lowest: float, highest: float) -> None:
        low, high = np.log(lowest / BEYOND), np.log(highest * BEYOND)
        self._knee: NDArray[np.float64] = np.linspace(low, high, CELLS)
        self._softness: NDArray[np.float64] = np.array(list(SOFTNESS))[:, None]
        likely: NDArray[np.float64] = np.array(list(SOFTNESS.values()))[:, None]
        self._log_weight: NDArray[np.float64] = np.log(likely) + np.zeros(CELLS)

    def take(self, level: float, met: bool) -> None:
        """Add a run's answer."""
        # The logistic function by way of tanh, which does not overflow.
        misses = 0.5 + 0.5 * np.tanh((np.log(level) - self._knee) / self._softness / 2)
        misses = LAPSE + (1 - 2 * LAPSE) * misses
        self._log_weight += np.log(1 - misses if met else misses)

    def interval(self) -> Interval:
        """The middle 95 % of where the knee may be."""
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
