"""The chart of a capacity search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wsproof.report.charts.svg import ChartFrame, ChartLine, level_chart
from wsproof.report.figures import NAMED
from wsproof.report.text.capacity import UNITS, capacity_sentence
from wsproof.report.text.run import title_of
from wsproof.stats.capacity import LevelOutcome
from wsproof.stats.metrics import METRICS_BY_NAME

Drawn = tuple[str, str, str]
"""Title, caption, and the SVG."""


def knee_picture(part: Mapping[str, Any]) -> Drawn | None:
    """The measurement of each run by its load level, for the first objective with numbers; None if there is none.

    A line marks the objective's limit, and the interval of the knee is shaded.
    """
    for at, objective in enumerate(part.get("objectives", ())):
        dots = [
            ChartLine(outcome.value, *_points(part["trials"], at, outcome.value), style)
            for style, outcome in enumerate(LevelOutcome, 1)
        ]
        if sum(len(one.x) for one in dots) < 2:
            continue
        unit = UNITS[part["over"]]
        what = f"{title_of(objective['metric'])} {NAMED.get(objective['statistic'], '')}".strip()
        knee = part["knee"]
        shade = " Shaded: where the knee lies." if knee else ""
        words = f"{what} of each run, over {unit}. {capacity_sentence(part)}{shade}"
        frame = ChartFrame("capacity", "Capacity", words, unit, what.lower())
        shaded = (knee["low"], knee["high"]) if knee else None
        metric = METRICS_BY_NAME.get(objective["metric"])
        chart = level_chart(frame, dots, metric.unit if metric else "1", limit=objective["limit"], shaded=shaded)
        return frame.title, words, chart
    return None


def _points(trials: Sequence[Mapping[str, Any]], at: int, outcome: str) -> tuple[list[float], list[float]]:
    """Levels and values of the runs with this outcome."""
    known = [row for row in trials if row["outcome"] == outcome and row["values"][at] is not None]
    return [row["level"] for row in known], [row["values"][at] for row in known]
