"""Result of a capacity search, with the runs that it is based on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from wsproof.model.summary import Summary

__all__ = [
    "CapacityRecord",
    "Interval",
    "LevelOutcome",
    "LevelRecord",
    "SearchEnding",
    "SearchLimits",
    "SearchObjective",
]


class LevelOutcome(StrEnum):
    """Outcome of one run at one level."""

    MET = "met"
    MISSED = "missed"
    UNTRUSTED = "untrusted"


class SearchEnding(StrEnum):
    """The outcome of a search."""

    FOUND = "found"
    MISSED_AT_LOWEST = "missed-at-lowest"
    MET_AT_HIGHEST = "met-at-highest"
    GENERATOR_LIMITED = "generator-limited"
    UNSETTLED = "unsettled"
    """The allowed number of runs did not narrow the knee down to the requested resolution."""


@dataclass(frozen=True)
class Interval:
    """The range that contains the knee with 95 % probability, and the median."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True)
class SearchObjective:
    """One objective of the search. `limit` is in the metric's own unit."""

    text: str
    metric: str
    statistic: str
    limit: float


@dataclass(frozen=True)
class SearchLimits:
    """The options of the search: its range of levels, the resolution, and the number of runs."""

    lowest: float
    highest: float
    resolution: float
    max_runs: int

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SearchLimits:
        """Read the entry `search`. Older documents call `max_runs` `most_trials`."""
        max_runs = data["max_runs"] if "max_runs" in data else data["most_trials"]
        return cls(data["lowest"], data["highest"], data["resolution"], max_runs)


@dataclass(frozen=True)
class LevelRecord:
    """One run at one level. `values` holds what each objective was compared with; None if it was not measured."""

    level: float
    outcome: LevelOutcome
    why: tuple[str, ...] = ()
    values: tuple[float | None, ...] = ()
    metrics: Mapping[str, Summary] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `runs`."""
        return {
            "level": self.level,
            "outcome": self.outcome.value,
            "why": list(self.why),
            "values": list(self.values),
            "metrics": {name: summary.to_json() for name, summary in self.metrics.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LevelRecord:
        """The inverse of `to_json`."""
        return cls(
            data["level"],
            LevelOutcome(data["outcome"]),
            tuple(data["why"]),
            tuple(data["values"]),
            {name: Summary.from_json(summary) for name, summary in data["metrics"].items()},
        )


@dataclass(frozen=True)
class CapacityRecord:
    """The search for the level at which a server begins to miss its objectives.

    `over` names the number of the plan that is raised; `plan` is the rest. `ending` is None during the search. `knee`
    is None if it lies beyond the measured levels, or if no run was trusted. `met` is the highest level at which a run
    met the objectives, `ceiling` the lowest one that the generator cannot measure.
    """

    over: str
    objectives: tuple[SearchObjective, ...]
    search: SearchLimits
    plan: Mapping[str, Any]
    confidence: float
    runs: tuple[LevelRecord, ...] = ()
    ending: SearchEnding | None = None
    knee: Interval | None = None
    met: float | None = None
    ceiling: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `capacity` in a run record. `levels` counts the outcomes of each level."""
        return {
            "over": self.over,
            "ending": self.ending.value if self.ending is not None else None,
            "knee": asdict(self.knee) if self.knee is not None else None,
            "confidence": self.confidence,
            "met": self.met,
            "ceiling": self.ceiling,
            "objectives": [asdict(objective) for objective in self.objectives],
            "levels": [self._count(level) for level in sorted({run.level for run in self.runs})],
            "runs": [run.to_json() for run in self.runs],
            "search": asdict(self.search),
            "plan": dict(self.plan),
        }

    def _count(self, level: float) -> dict[str, Any]:
        outcomes = [run.outcome for run in self.runs if run.level == level]
        return {"level": level} | {outcome.value: outcomes.count(outcome) for outcome in LevelOutcome}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> CapacityRecord:
        """The inverse of `to_json`."""
        return cls(
            over=data["over"],
            objectives=tuple(SearchObjective(**objective) for objective in data["objectives"]),
            search=SearchLimits.from_json(data["search"]),
            plan=data["plan"],
            confidence=data["confidence"],
            runs=tuple(LevelRecord.from_json(run) for run in data["runs"]),
            ending=SearchEnding(data["ending"]) if data["ending"] is not None else None,
            knee=Interval(**data["knee"]) if data["knee"] is not None else None,
            met=data["met"],
            ceiling=data["ceiling"],
        )
