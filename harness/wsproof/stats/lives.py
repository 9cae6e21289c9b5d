"""Evidence from windows in turn, at two levels: windows within lives, and lives.

A *life* is one start of three servers: base, candidate, and the base again. All three are alive at the same time and
are loaded in turn, in short windows. A *round* has the same number of windows of each server, within a third of a
second. So within a round, the machine is the same for all three.

- The candidate's difference in a round is its log-ratio to the mean of both bases. The difference of identical code is
  the log-ratio of the two bases. The two differences share the bases' windows and are nevertheless uncorrelated, if all
  windows have the same noise. So the floor of identical code costs a third of the windows, and half of that comes back,
  because the candidate is compared with twice as many windows of the base.
- The rounds of a life become one number, the mean of two trimmed means: against one base, and against the other. A
  window in which the machine was busy with something else is an outlier.
- A process has a constant effect of its own (memory layout, hash seeds, start-up order): all windows of one life share
  an offset that the next life does not have. So only lives are independent, and only
  the signs of whole lives may be flipped (a permutation test restricted to the units that were randomised: M. J.
  Anderson and C. J. F. ter Braak, Journal of Statistical Computation and Simulation 73, 2003). Flipping windows would
  call a life's own effect a difference of the builds; the simulation in the benchmarks shows how often.

`spread_of` separates both levels, and so shows whether more lives or more windows would help.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from numpy.typing import NDArray

from wsproof.stats import permutation
from wsproof.stats.paired import (
    CONFIDENCE,
    EQUIVALENCE_CONFIDENCE,
    VETO_CONFIDENCE,
    Evidence,
    Pair,
    ratio_interval,
    student_interval,
)

Floats = NDArray[np.float64]
TRIMMED = 0.2
"""Share of a life's rounds that is left out at each end. With 10 rounds, two outliers in one direction do no harm."""
FEWEST_ROUNDS = 2
"""Rounds with a figure of all three servers that a life needs."""


@dataclass(frozen=True)
class Life:
    """One metric in one life: a row per round, with the values of base, candidate, and base again. NaN: no value."""

    rounds: Floats

    @property
    def differences(self) -> Floats:
        """Log-ratio of the candidate to the mean of both bases, per complete round."""
        base, candidate, again = self._logs()
        return np.asarray(candidate - (base + again) / 2, np.float64)

    @property
    def identical(self) -> Floats:
        """Log-ratio of the base's second process to its first, per complete round."""
        base, _, again = self._logs()
        return np.asarray(again - base, np.float64)

    @property
    def effect(self) -> float:
        """Log-ratio of the candidate to the base in this life.

        It is the mean of the trimmed means against each base. Noise of one server that is skewed, such as outliers,
        makes the difference to one base no more positive than negative, but not that to the mean of two.
        """
        base, candidate, again = self._logs()
        return (trimmed_mean(candidate - base) + trimmed_mean(candidate - again)) / 2

    @property
    def pair(self) -> Pair:
        """Base and candidate of this life, whose ratio is the life's estimate."""
        base, _, again = self._logs()
        level = exp(trimmed_mean((base + again) / 2))
        return level, level * exp(self.effect)

    @property
    def is_complete(self) -> bool:
        """Whether enough rounds have a value above zero of all three servers."""
        return len(self.differences) >= FEWEST_ROUNDS

    def _logs(self) -> Floats:
        complete = self.rounds[np.all(self.rounds > 0, axis=1)]
        return np.asarray(np.log(complete).T, np.float64)


def constant_life(values: Sequence[float]) -> Life:
    """A life with one value of each server (base, candidate, and base again) instead of one per round."""
    return Life(np.array([values] * FEWEST_ROUNDS, np.float64))


@dataclass(frozen=True)
class Spread:
    """Standard deviations of log-ratios: of one round within a life, and of the lives beyond what rounds explain."""

    round: float
    life: float


def trimmed_mean(values: Floats, share: float = TRIMMED) -> float:
    """The mean without the given share of the values at each end (J. W. Tukey, 1962)."""
    ordered = np.sort(values)
    cut = int(share * len(ordered))
    return float(ordered[cut : len(ordered) - cut].mean())


def weigh_lives(lives: Sequence[Life], *, seed: int = 0) -> Evidence | None:
    """The evidence of all complete lives; None if there is none. `pairs` of the result counts lives."""
    complete = [life for life in lives if life.is_complete]
    if not complete:
        return None
    effects = np.array([life.effect for life in complete])
    same_code = np.array([trimmed_mean(life.identical) for life in complete])
    return Evidence(
        pairs=len(complete),
        estimate=float(effects.mean()),
        span=ratio_interval(effects, CONFIDENCE, seed=seed),
        equivalence=ratio_interval(effects, EQUIVALENCE_CONFIDENCE, seed=seed),
        p=permutation.two_sided_p(effects, seed=seed),
        noise=float(effects.std(ddof=1)) if len(effects) > 1 else 0.0,
        identical=student_interval(same_code, CONFIDENCE),
        bias=student_interval(same_code, VETO_CONFIDENCE),
    )


def spread_of(lives: Sequence[Life]) -> Spread | None:
    """Both levels of noise, by the method of moments. None with fewer than two complete lives."""
    complete = [life for life in lives if life.is_complete]
    if len(complete) < 2:
        return None
    within = [float(life.differences.var(ddof=1)) for life in complete]
    means = np.array([life.differences.mean() for life in complete])
    explained = float(np.mean([noise / len(life.differences) for noise, life in zip(within, complete, strict=True)]))
    between = max(0.0, float(means.var(ddof=1)) - explained)
    return Spread(sqrt(float(np.mean(within))), sqrt(between))
