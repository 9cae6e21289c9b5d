"""The chart of a capacity search."""

from __future__ import annotations

from collections.abc import Sequence

from wsproof.model.capacity import CapacityRecord, LevelOutcome, LevelRecord
from wsproof.report.charts.svg import ChartFrame, ChartLine, RunChart, level_chart
from wsproof.report.figures import NAMED
from wsproof.report.text.capacity import UNITS, capacity_sentence
from wsproof.report.text.run import title_of
from wsproof.stats.metrics import METRICS_BY_NAME


def capacity_chart(capacity: CapacityRecord) -> RunChart | None:
    """The measurement of each run by its load level, for the first objective with numbers; None if there is none.

    A line marks the objective's limit, and the interval of the knee is shaded.
    """
    for at, objective in enumerate(capacity.objectives):
        dots = [
            ChartLine(outcome.value, *_points(capacity.runs, at, outcome), style)
            for style, outcome in enumerate(LevelOutcome, 1)
        ]
        if sum(len(line.x) for line in dots) < 2:
            continue
        unit = UNITS[capacity.over]
        measured = f"{title_of(objective.metric)} {NAMED.get(objective.statistic, '')}".strip()
        knee = capacity.knee
        shade = " Shaded: the interval of the knee." if knee else ""
        caption = f"{measured} of each run, over {unit}. {capacity_sentence(capacity)}{shade}"
        frame = ChartFrame("capacity", "Capacity", caption, unit, measured.lower())
        shaded = (knee.low, knee.high) if knee else None
        metric = METRICS_BY_NAME.get(objective.metric)
        chart = level_chart(frame, dots, metric.unit if metric else "1", limit=objective.limit, shaded=shaded)
        return RunChart(frame.title, caption, chart)
    return None


def _points(runs: Sequence[LevelRecord], at: int, outcome: LevelOutcome) -> tuple[list[float], list[float]]:
    """Levels and values of the runs with this outcome."""
    measured = [(run.level, value) for run in runs if run.outcome is outcome and (value := run.values[at]) is not None]
    return [level for level, _ in measured], [value for _, value in measured]
