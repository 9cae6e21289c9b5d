"""Capacity of a server: a search over levels of load.

A run at a level meets the objectives, misses them, or proves nothing. First the search doubles the level, from the
lowest one, until a run misses. Then it bisects: each run is made where the knee is equally likely below and above
(`knee`), until the 95 % interval of the knee is narrow enough. An untrusted run says nothing about the server. A level
at which several runs in a row are untrusted is a ceiling. Above the ceiling the generator is the limit, so the search
continues below it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from wsproof.model.capacity import Interval, LevelOutcome, SearchEnding
from wsproof.stats.knee import CONFIDENCE, Belief


@dataclass(frozen=True)
class Search:
    """Parameters of a search: the range of levels and the number of runs."""

    lowest: float
    highest: float
    whole: bool = True
    """Whether levels are whole numbers. There is no half subscriber."""
    step: float = 2.0
    resolution: float = 0.4
    """Target width of the interval: its upper end exceeds its lower end by at most this share."""
    max_runs: int = 40
    attempts: int = 3
    """Largest number of runs in a row at one level while they are untrusted."""

    def level(self, near: float) -> float:
        """The allowed level nearest to `near`: within the limits, with at most three significant digits."""
        inside = min(max(near, self.lowest), self.highest)
        digits = 2 - math.floor(math.log10(inside))
        return round(inside, min(digits, 0) if self.whole else digits)

    def is_narrow(self, low: float, high: float) -> bool:
        """Whether two levels are within the resolution, or no whole level lies between them."""
        return high <= low * (1 + self.resolution) or (self.whole and math.floor(high) - math.ceil(low) <= 0)


@dataclass(frozen=True)
class LevelRun:
    """One run at one level."""

    level: float
    outcome: LevelOutcome


@dataclass(frozen=True)
class Capacity:
    """Result of a search.

    `knee` is None if it lies beyond the measured levels, or if no run was trusted. `met` is the highest level at which
    a run met the objectives. `ceiling` is the lowest level that the generator cannot measure. Both are None if there is
    no such level.
    """

    ending: SearchEnding
    knee: Interval | None
    runs: tuple[LevelRun, ...]
    met: float | None = None
    ceiling: float | None = None


Measure = Callable[[float], LevelOutcome]


def find_capacity(measure: Measure, search: Search) -> Capacity:
    """Search for the knee. `measure` runs a level and returns the outcome."""
    return _KneeSearch(measure, search).run()


@dataclass
class _KneeSearch:
    measure: Measure
    search: Search
    belief: Belief = field(init=False)
    runs: list[LevelRun] = field(default_factory=list)
    ceiling: float | None = None

    def __post_init__(self) -> None:
        self.belief = Belief(self.search.lowest, self.search.highest)

    def run(self) -> Capacity:
        level = self.search.level(self.search.lowest)
        while self._try(level):
            ending = self._ending()
            if ending is not None:
                return self._result(ending)
            level = self._next()
        return self._result(SearchEnding.GENERATOR_LIMITED if self._is_generator_limited() else SearchEnding.UNSETTLED)

    def _try(self, level: float) -> bool:
        """Run a level until a run is trusted. False if no further run is possible or allowed."""
        for _ in range(self.search.attempts):
            if len(self.runs) >= self.search.max_runs:
                return False
            outcome = self.measure(level)
            self.runs.append(LevelRun(level, outcome))
            if outcome is not LevelOutcome.UNTRUSTED:
                self.belief.take(level, outcome is LevelOutcome.MET)
                return True
        self.ceiling = level
        return level > self.search.level(self.search.lowest)

    def _next(self) -> float:
        missed = any(run.outcome is LevelOutcome.MISSED for run in self.runs)
        if not missed and self.ceiling is None:
            return self.search.level(max(run.level for run in self.runs) * self.search.step)
        middle = self.belief.interval().middle
        if self.ceiling is not None:
            middle = min(middle, math.sqrt(self._met() or self.search.lowest) * math.sqrt(self.ceiling))
        return self.search.level(middle)

    def _ending(self) -> SearchEnding | None:
        interval = self.belief.interval()
        if self.belief.above(self.search.lowest) < 1 - CONFIDENCE:
            return SearchEnding.MISSED_AT_LOWEST
        if self.ceiling is not None and interval.high > self.ceiling:
            return SearchEnding.GENERATOR_LIMITED if self._is_generator_limited() else None
        if self.belief.above(self.search.highest) > CONFIDENCE:
            return SearchEnding.MET_AT_HIGHEST
        return SearchEnding.FOUND if self.search.is_narrow(interval.low, interval.high) else None

    def _is_generator_limited(self) -> bool:
        """Whether the generator is the limit, and the server could probably take more."""
        if self.ceiling is None or self.belief.above(self.ceiling) < 0.5:
            return False
        met = self._met()
        return met is None or self.search.is_narrow(met, self.ceiling)

    def _met(self) -> float | None:
        return max((run.level for run in self.runs if run.outcome is LevelOutcome.MET), default=None)

    def _result(self, ending: SearchEnding) -> Capacity:
        trusted = any(run.outcome is not LevelOutcome.UNTRUSTED for run in self.runs)
        bracketed = trusted and ending in (SearchEnding.FOUND, SearchEnding.UNSETTLED)
        return Capacity(
            ending, self.belief.interval() if bracketed else None, tuple(self.runs), self._met(), self.ceiling
        )
