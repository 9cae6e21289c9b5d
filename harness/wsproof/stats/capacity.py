"""How much a server can take: a search over levels of load.

A run at a level meets the objectives, misses them, or proves nothing. Step: from the lowest level, twice as much each
time, until a run misses. Bisect: from then on each run is made where the knee is as likely below as above (`knee`),
until the 95 % interval of the knee is narrow enough. A run that is not to be trusted says nothing of the server; a
level at which several in a row are not is a ceiling: above it the generator is the limit, and the search goes on below.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from wsproof.stats.knee import CONFIDENCE, Belief, Interval


class LevelOutcome(StrEnum):
    """What one run at one level says."""

    MET = "met"
    MISSED = "missed"
    UNTRUSTED = "untrusted"


class SearchEnding(StrEnum):
    """How a search ended."""

    FOUND = "found"
    MISSED_AT_LOWEST = "missed-at-lowest"
    MET_AT_HIGHEST = "met-at-highest"
    GENERATOR_LIMITED = "generator-limited"
    UNSETTLED = "unsettled"
    """The runs that were allowed did not narrow the knee down as far as was asked."""


@dataclass(frozen=True)
class Search:
    """Which levels, and how much work."""

    lowest: float
    highest: float
    whole: bool = True
    """Levels are whole numbers: there is no half subscriber."""
    step: float = 2.0
    resolution: float = 0.4
    """How wide the interval may be: its upper end at most so much above its lower, as a share."""
    most_trials: int = 40
    attempts: int = 3
    """How often a level is tried again while its runs are untrusted."""

    def level(self, near: float) -> float:
        """The level to run at that is nearest: within the limits, of three significant digits at most."""
        inside = min(max(near, self.lowest), self.highest)
        digits = 2 - math.floor(math.log10(inside))
        return round(inside, min(digits, 0) if self.whole else digits)

    def close(self, low: float, high: float) -> bool:
        """Whether two levels are as near to each other as was asked, or neighbours."""
        return high <= low * (1 + self.resolution) or (self.whole and math.floor(high) - math.ceil(low) <= 0)


@dataclass(frozen=True)
class LevelRun:
    """One run."""

    level: float
    outcome: LevelOutcome


@dataclass(frozen=True)
class Capacity:
    """What a search found. `knee` is None where it lies beyond what was measured, or not one run could be trusted.

    `met` is the highest level at which a run met the objectives and `ceiling` the lowest that the generator cannot
    measure, where there are such.
    """

    ending: SearchEnding
    knee: Interval | None
    trials: tuple[LevelRun, ...]
    met: float | None = None
    ceiling: float | None = None


Measure = Callable[[float], LevelOutcome]


def find_capacity(measure: Measure, search: Search) -> Capacity:
    """Search for the knee with `measure`, which runs a level and says what came of it."""
    return _KneeSearch(measure, search).follow()


@dataclass
class _KneeSearch:
    measure: Measure
    search: Search
    belief: Belief = field(init=False)
    trials: list[LevelRun] = field(default_factory=list)
    ceiling: float | None = None

    def __post_init__(self) -> None:
        self.belief = Belief(self.search.lowest, self.search.highest)

    def follow(self) -> Capacity:
        level = self.search.level(self.search.lowest)
        while self._try(level):
            ending = self._ending()
            if ending is not None:
                return self._result(ending)
            level = self._next()
        return self._result(SearchEnding.GENERATOR_LIMITED if self._blocked() else SearchEnding.UNSETTLED)

    def _try(self, level: float) -> bool:
        """Run a level until a run can be trusted; False when nothing more can be done."""
        for _ in range(self.search.attempts):
            if len(self.trials) >= self.search.most_trials:
                return False
            outcome = self.measure(level)
            self.trials.append(LevelRun(level, outcome))
            if outcome is not LevelOutcome.UNTRUSTED:
                self.belief.take(level, outcome is LevelOutcome.MET)
                return True
        self.ceiling = level
        return level > self.search.level(self.search.lowest)

    def _next(self) -> float:
        missed = any(trial.outcome is LevelOutcome.MISSED for trial in self.trials)
        if not missed and self.ceiling is None:
            return self.search.level(max(trial.level for trial in self.trials) * self.search.step)
        middle = self.belief.interval().middle
        if self.ceiling is not None:
            middle = min(middle, math.sqrt(self._met() or self.search.lowest) * math.sqrt(self.ceiling))
        return self.search.level(middle)

    def _ending(self) -> SearchEnding | None:
        interval = self.belief.interval()
        if self.belief.above(self.search.lowest) < 1 - CONFIDENCE:
            return SearchEnding.MISSED_AT_LOWEST
        if self.ceiling is not None and interval.high > self.ceiling:
            return SearchEnding.GENERATOR_LIMITED if self._blocked() else None
        if self.belief.above(self.search.highest) > CONFIDENCE:
            return SearchEnding.MET_AT_HIGHEST
        return SearchEnding.FOUND if self.search.close(interval.low, interval.high) else None

    def _blocked(self) -> bool:
        """Whether the generator cannot go further, and the server still could."""
        if self.ceiling is None or self.belief.above(self.ceiling) < 0.5:
            return False
        met = self._met()
        return met is None or self.search.close(met, self.ceiling)

    def _met(self) -> float | None:
        return max((trial.level for trial in self.trials if trial.outcome is LevelOutcome.MET), default=None)

    def _result(self, ending: SearchEnding) -> Capacity:
        trusted = any(trial.outcome is not LevelOutcome.UNTRUSTED for trial in self.trials)
        bracketed = trusted and ending in (SearchEnding.FOUND, SearchEnding.UNSETTLED)
        return Capacity(
            ending, self.belief.interval() if bracketed else None, tuple(self.trials), self._met(), self.ceiling
        )
