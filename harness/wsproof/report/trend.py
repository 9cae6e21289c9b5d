"""Trends: one metric over the runs of one machine, target and setup, with its change points."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wsproof.model.comparison import Judgement
from wsproof.report.store.run_summary import RunSummary
from wsproof.report.store.summaries import StoredRun
from wsproof.stats.change_points import ChangePoint, change_points
from wsproof.stats.compared_metrics import ASPECTS, ASPECTS_BY_NAME

__all__ = ["MetricTrend", "Trend", "TrendChange", "TrendLine", "TrendRun", "trends_of"]

FEWEST_RUNS = 3
"""Number of runs of one branch from which a metric has a trend."""
MOST_RUNS = 200
"""Number of newest runs that a trend shows."""
USUAL_FLOOR = 0.05
"""Floor of a metric that wsproof does not define, as those of imported runs."""
NO_BRANCH = "no branch"


@dataclass(frozen=True)
class TrendRun:
    """A run of a trend: the name of its folder, and its summary."""

    id: str
    summary: RunSummary

    @property
    def branch(self) -> str:
        """The branch, or NO_BRANCH."""
        return self.summary.branch or NO_BRANCH


@dataclass(frozen=True)
class TrendLine:
    """The values of one branch, by the place of the run among all runs of the trend."""

    branch: str
    places: tuple[int, ...]
    values: tuple[float, ...]


@dataclass(frozen=True)
class TrendChange:
    """A change point of one branch. `place` is the first run of the new level."""

    branch: str
    place: int
    point: ChangePoint
    judgement: Judgement

    @property
    def ratio(self) -> float | None:
        """The new level as a multiple of the old one; None if the old one is 0."""
        return self.point.after / self.point.before if self.point.before else None


@dataclass(frozen=True)
class MetricTrend:
    """One metric of a trend. The branch with the most runs comes first."""

    name: str
    unit: str
    better: str
    lines: tuple[TrendLine, ...]
    changes: tuple[TrendChange, ...]


@dataclass(frozen=True)
class Trend:
    """All metrics over the runs that are equal in machine, target and setup; oldest first.

    `left_out` counts the runs that are not complete, or have no valid figure. `older` counts the runs before MOST_RUNS.
    """

    machine: str
    target: str
    setup: str
    runs: tuple[TrendRun, ...]
    metrics: tuple[MetricTrend, ...]
    left_out: int = 0
    older: int = 0


def trends_of(stored: Iterable[StoredRun]) -> tuple[Trend, ...]:
    """The trends of a store, the one with the newest run first.

    Runs of unlike machines, targets or setups never share a trend. A run whose machine is unknown is in none.
    """
    groups: dict[tuple[str, str, str], list[TrendRun]] = {}
    for run in stored:
        summary = run.summary
        if summary is not None and summary.machine and summary.figures:
            groups.setdefault(_key(summary), []).append(TrendRun(run.folder.id, summary))
    trends = (_trend(*key, runs) for key, runs in groups.items())
    shown = [trend for trend in trends if trend.metrics]
    return tuple(sorted(shown, key=lambda trend: _order(trend.runs[-1]), reverse=True))


def alike(stored: Iterable[StoredRun], summary: RunSummary) -> list[TrendRun]:
    """The runs that are equal to a run in machine, target and setup, oldest first. Of an unknown machine: none."""
    runs = [
        TrendRun(run.folder.id, run.summary)
        for run in stored
        if summary.machine and run.summary is not None and _key(run.summary) == _key(summary)
    ]
    return sorted(runs, key=_order)


def is_sound(summary: RunSummary) -> bool:
    """Whether a run is complete and has a valid figure. An untrusted run without marks has none."""
    marked = [figure.is_void for figure in summary.figures.values()]
    return summary.complete and not all(marked) and (summary.trusted or any(marked))


def _key(summary: RunSummary) -> tuple[str, str, str]:
    return summary.machine, summary.target, summary.setup


def _order(run: TrendRun) -> tuple[str, str]:
    return run.summary.started_utc, run.id


def _trend(machine: str, target: str, setup: str, runs: Sequence[TrendRun]) -> Trend:
    sound = sorted((run for run in runs if is_sound(run.summary)), key=_order)
    newest = tuple(sound[-MOST_RUNS:])
    measured = {name for run in newest for name in run.summary.figures}
    names = [aspect.name for aspect in ASPECTS if aspect.name in measured]
    names += sorted(measured - ASPECTS_BY_NAME.keys())
    metrics = (_metric(name, newest) for name in names)
    return Trend(
        machine,
        target,
        setup,
        newest,
        tuple(metric for metric in metrics if any(len(line.values) >= FEWEST_RUNS for line in metric.lines)),
        left_out=len(runs) - len(sound),
        older=len(sound) - len(newest),
    )


def _metric(name: str, runs: Sequence[TrendRun]) -> MetricTrend:
    figures = {place: run.summary.figures[name] for place, run in enumerate(runs) if name in run.summary.figures}
    valid = {place: figure for place, figure in figures.items() if not figure.is_void}
    branches = [branch for branch, _ in Counter(runs[place].branch for place in valid).most_common()]
    lines = tuple(
        _line(branch, {place: valid[place].value for place in valid if runs[place].branch == branch})
        for branch in branches
    )
    first = next(iter(figures.values()))
    floor = ASPECTS_BY_NAME[name].floor if name in ASPECTS_BY_NAME else USUAL_FLOOR
    changes = tuple(change for line in lines for change in _changes(line, floor, first.better))
    return MetricTrend(name, first.unit, first.better, lines, changes)


def _line(branch: str, values: dict[int, float]) -> TrendLine:
    return TrendLine(branch, tuple(values), tuple(values.values()))


def _changes(line: TrendLine, floor: float, better: str) -> Iterable[TrendChange]:
    for point in change_points(line.values, floor=floor):
        is_better = (point.after < point.before) == (better == "lower")
        judgement = Judgement.BETTER if is_better else Judgement.WORSE
        yield TrendChange(line.branch, line.places[point.index], point, judgement)
