"""The chart of one metric over many runs: one line per branch, a link per run, and the change points."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import quote

from wsproof.report.charts.svg import ChartFrame, ChartLine, LevelChange, LinkedPoint, RunChart, linked_chart
from wsproof.report.text.run import count, title_of, tone_of
from wsproof.report.text.trend import change_sentence, run_label
from wsproof.report.text.units import change, for_reader
from wsproof.report.trend import MetricTrend, Trend, TrendLine

MOST_LINES = 2
"""Number of branches with a line of their own. The other branches share one style, without a line."""
TICKS = 4


def trend_chart(trend: Trend, metric: MetricTrend, key: str, with_page: Collection[str]) -> RunChart:
    """The chart of one metric. `key` is unique on the page; `with_page` has the runs to which a point can lead."""
    title = title_of(metric.name)
    own = [
        ChartLine(line.branch, line.places, line.values, style)
        for style, line in enumerate(metric.lines[:MOST_LINES], start=1)
    ]
    points = [
        point
        for number, line in enumerate(metric.lines)
        for point in _points(trend, metric, line, min(number, MOST_LINES) + 1, with_page)
    ]
    rest = len(metric.lines) - len(own)
    others = [ChartLine(count(rest, "other branch", "other branches"), (), (), MOST_LINES + 1)] if rest else []
    caption = _caption(metric)
    frame = ChartFrame(key, f"{title}, run by run", caption, "date of the run (UTC)", title)
    steps = [
        LevelChange(one.place - 0.5, change(one.ratio), tone_of(one.judgement).label)
        for one in metric.changes
        if one.ratio is not None
    ]
    return RunChart(title, caption, linked_chart(frame, [*own, *others], points, steps, _dates(trend), metric.unit))


def _points(
    trend: Trend, metric: MetricTrend, line: TrendLine, style: int, with_page: Collection[str]
) -> list[LinkedPoint]:
    points = []
    for place, value in zip(line.places, line.values, strict=True):
        run = trend.runs[place]
        href = f"{quote(run.id)}/page.html" if run.id in with_page else ""
        text = f"{for_reader(value, metric.unit)}: {run_label(run)}"
        points.append(LinkedPoint(place, value, text, href, style))
    return points


def _caption(metric: MetricTrend) -> str:
    """The extent of the values and the change points, in words."""
    values = [value for line in metric.lines for value in line.values]
    low, high = (for_reader(value, metric.unit) for value in (min(values), max(values)))
    extent = f"{count(len(values), 'run')}, {low} to {high}; {metric.better} is better."
    return " ".join([extent, *(change_sentence(metric, one) for one in metric.changes)])


def _dates(trend: Trend) -> list[tuple[float, str]]:
    last = len(trend.runs) - 1
    places = sorted({round(last * part / (TICKS - 1)) for part in range(TICKS)})
    dates = [trend.runs[place].summary.started_utc[:10] for place in places]
    return [(place, date) for at, (place, date) in enumerate(zip(places, dates, strict=True)) if date not in dates[:at]]
