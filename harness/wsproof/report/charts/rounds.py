"""The rounds of a comparison in the order of time: one chart per judged metric, with all servers."""

from __future__ import annotations

from collections.abc import Callable

from wsproof.model.comparison import Comparison, MetricComparison, RoundTrace
from wsproof.report.charts.svg import ChartFrame, ChartLine, Values, timeline_chart
from wsproof.report.text.units import change, for_reader


def round_charts(comparison: Comparison, title_of: Callable[[str], str]) -> list[str]:
    """A chart per judged metric. A gap in a line is the start of new servers. Empty for blocks."""
    charts = []
    for row in comparison.metrics:
        traces = [trace for trace in comparison.traces if trace.metric == row.metric]
        if row.primary and traces:
            charts.append(_chart(row, traces, title_of(row.metric)))
    return [chart for chart in charts if chart]


def _chart(row: MetricComparison, traces: list[RoundTrace], title: str) -> str:
    at_s = _joined([trace.at_s for trace in traces])
    lines = [
        ChartLine("base", at_s, _joined([trace.base for trace in traces]), 1),
        ChartLine("candidate", at_s, _joined([trace.candidate for trace in traces]), 2),
        ChartLine("base again", at_s, _joined([trace.again for trace in traces]), 3),
    ]
    words = (
        f"{sum(len(trace.at_s) for trace in traces)} rounds of {len(traces)} lives. "
        f"Base {for_reader(row.base, row.unit)}, candidate {for_reader(row.candidate, row.unit)}, "
        f"change {change(row.ratio)}."
    )
    frame = ChartFrame(f"rounds-{row.metric}", f"{title}, round by round", words, "seconds", title)
    return timeline_chart(frame, lines, row.unit, log=True)


def _joined(columns: list[Values]) -> list[float | None]:
    """The columns one after the other, with a gap after each."""
    return [value for column in columns for value in (*column, None)]
