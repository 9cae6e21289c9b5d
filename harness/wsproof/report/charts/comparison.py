"""The charts of a comparison: a forest plot of the ratios, and the rounds over time."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from html import escape
from math import ceil, log10
from statistics import median
from typing import Any

from wsproof.model.comparison import Comparison, MetricComparison, RoundTrace
from wsproof.report.charts.axes import Axis, logarithmic
from wsproof.report.charts.svg import (
    ChartBand,
    ChartFrame,
    ChartLine,
    Values,
    percentile_chart,
    text_at,
    timeline_chart,
)
from wsproof.report.text.units import change, for_reader

MOST_POINTS = 160
"""Points of a line over time. The lines of more rounds would cover each other, so successive rounds are merged."""
WIDTH, ROW, TOP, BOTTOM, SIDE = 480, 44, 22, 46, 16


def forest_plot(rows: Sequence[MetricComparison], names: Sequence[str]) -> str:
    """Candidate / base of each metric with its interval and the band of equivalence, on a logarithmic axis.

    Empty if no metric has a ratio.
    """
    shown = [(row, name) for row, name in zip(rows, names, strict=True) if row.ratio is not None and row.ratio > 0]
    if not shown:
        return ""
    depth = TOP + ROW * len(shown)
    axis = _axis([row for row, _ in shown])
    parts = [_scale(axis, depth)]
    for number, (row, name) in enumerate(shown):
        parts.append(_row(row, name, TOP + ROW * number, axis))
    description = "; ".join(f"{name}: {change(row.ratio)}, {row.verdict.value}" for row, name in shown)
    return (
        f'<svg class="chart forest" viewBox="0 0 {WIDTH} {depth + BOTTOM}" role="img" aria-labelledby="fo-t fo-d">'
        f'<title id="fo-t">Candidate / base with 95 % interval</title><desc id="fo-d">{escape(description)}</desc>'
        + "".join(parts)
        + text_at(SIDE, depth + BOTTOM - 6, "← candidate smaller", "start", "label")
        + text_at(WIDTH - SIDE, depth + BOTTOM - 6, "candidate larger →", "end", "label")
        + "</svg>"
    )


def _axis(rows: Sequence[MetricComparison]) -> Axis:
    ends = [end for row in rows for end in (row.ratio, row.ci_low, row.ci_high) if end is not None and end > 0]
    far = max(*(max(end, 1 / end) for end in ends), 1 + 2 * max(row.floor for row in rows)) * 1.03
    axis = logarithmic(1 / far, far, SIDE, WIDTH - SIDE)
    ticks = [
        ratio
        for ratio in (0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 5.0, 10.0)
        if 1 / far <= ratio <= far
    ]
    return Axis(
        1 / far,
        far,
        axis.begin,
        axis.end,
        tuple((ratio, change(ratio).replace(".0 ", " ")) for ratio in ticks),
        log=True,
    )


def _scale(axis: Axis, depth: int) -> str:
    parts = []
    end = -1e9
    for value, _ in axis.ticks:
        at = axis.at(value)
        parts.append(f'<line class="{"one" if value == 1 else "grid"}" x1="{at}" x2="{at}" y1="{TOP}" y2="{depth}"/>')
    for value, label in axis.ticks:
        at, half = axis.at(value), len(label) * 3.9
        if at - half >= max(end + 6, 0) and at + half <= WIDTH:
            parts.append(text_at(at, depth + 16, label, "middle"))
            end = at + half
    return "".join(parts)


def _row(row: MetricComparison, name: str, top: float, axis: Axis) -> str:
    middle = top + 29
    left, right = axis.at(1 / (1 + row.floor)), axis.at(1 + row.floor)
    parts = [
        f'<rect class="band" x="{left}" y="{top + 18:.1f}" width="{right - left:.1f}" height="22"/>',
        text_at(
            SIDE, top + 12, f"{name}: {change(row.ratio)}, {row.verdict.value.replace('-', ' ')}", "start", "label"
        ),
    ]
    style = f"v-{row.verdict.value}"
    if row.ci_low is not None and row.ci_high is not None:
        low, high = axis.at(row.ci_low), axis.at(row.ci_high)
        parts.append(
            f'<path class="interval {style}" d="M{low} {middle}H{high}M{low} {middle - 5}v10M{high} {middle - 5}v10"/>'
        )
    point = axis.at(row.ratio or 1.0)
    shape = f"M{point} {middle - 6}l6 6l-6 6l-6 -6z"
    return "".join(parts) + f'<path class="point {style}" d="{shape}"/>'


def spectrum_chart(spectra: Mapping[str, Any]) -> str:
    """Latency percentiles of both builds, each with the range of its lives. Empty without spectra."""
    if not spectra:
        return ""
    nines = [-log10(1 - percent / 100) for percent in spectra["percentiles"]]
    styles = {"base": 1, "candidate": 2}
    lines = [ChartLine(name, nines, spectra[name]["middle"], style) for name, style in styles.items()]
    bands = [ChartBand(nines, spectra[name]["low"], spectra[name]["high"], style) for name, style in styles.items()]
    described = "; ".join(
        f"p{percent:g}: base {for_reader(base, 'ns')}, candidate {for_reader(candidate, 'ns')}"
        for percent, base, candidate in zip(
            spectra["percentiles"], spectra["base"]["middle"], spectra["candidate"]["middle"], strict=True
        )
        if base is not None and candidate is not None
    )
    frame = ChartFrame("spectrum", "Latency percentiles of both builds", described, "percentile", "Latency")
    return percentile_chart(frame, lines, "ns", bands)


def round_charts(comparison: Comparison, title_of: Callable[[str], str]) -> list[str]:
    """One chart per judged metric, with all servers. A gap in a line is the start of new servers. Empty for blocks."""
    charts = []
    for row in comparison.metrics:
        traces = [trace for trace in comparison.traces if trace.metric == row.metric]
        if row.primary and traces:
            charts.append(_rounds_chart(row, traces, title_of(row.metric)))
    return [chart for chart in charts if chart]


def _rounds_chart(row: MetricComparison, traces: list[RoundTrace], title: str) -> str:
    rounds = sum(len(trace.at_s) for trace in traces)
    group = ceil(rounds / MOST_POINTS)
    columns = [
        [merged_rounds(column, group) for column in (trace.at_s, trace.base, trace.candidate, trace.again)]
        for trace in traces
    ]
    at_s, base, candidate, again = (_joined(list(each)) for each in zip(*columns, strict=True))
    lines = [
        ChartLine("base", at_s, base, 1),
        ChartLine("candidate", at_s, candidate, 2),
        ChartLine("base again", at_s, again, 3),
    ]
    merged = f" Each point is the median of {group} rounds." if group > 1 else ""
    caption = (
        f"{rounds} rounds of {len(traces)} lives.{merged} "
        f"Base {for_reader(row.base, row.unit)}, candidate {for_reader(row.candidate, row.unit)}, "
        f"change {change(row.ratio)}."
    )
    key = re.sub(r"[^a-z0-9_]+", "-", row.metric.lower())
    frame = ChartFrame(f"rounds-{key}", f"{title}, round by round", caption, "seconds", title)
    return timeline_chart(frame, lines, row.unit, log=True)


def merged_rounds(column: Values, group: int) -> list[float | None]:
    """The medians of each `group` successive values. None where all of them are missing."""
    groups = [[value for value in column[at : at + group] if value is not None] for at in range(0, len(column), group)]
    return [median(values) if values else None for values in groups]


def _joined(columns: list[Values]) -> list[float | None]:
    """The columns one after the other, with a gap after each."""
    return [value for column in columns for value in (*column, None)]
