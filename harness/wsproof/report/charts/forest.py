"""The forest plot of a comparison: ratio and interval of each metric, and the band of equivalence."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from wsproof.model.comparison import MetricComparison
from wsproof.report.charts.axes import Axis, logarithmic
from wsproof.report.charts.svg import text_at
from wsproof.report.text.units import change

WIDTH, ROW, TOP, BOTTOM, SIDE = 480, 44, 22, 46, 16


def forest_plot(rows: Sequence[MetricComparison], names: Sequence[str]) -> str:
    """Candidate / base of each metric with a ratio, on a logarithmic axis. Empty if there is no ratio."""
    shown = [(row, name) for row, name in zip(rows, names, strict=True) if row.ratio is not None and row.ratio > 0]
    if not shown:
        return ""
    depth = TOP + ROW * len(shown)
    axis = _axis([row for row, _ in shown])
    parts = [_scale(axis, depth)]
    for number, (row, name) in enumerate(shown):
        parts.append(_row(row, name, TOP + ROW * number, axis))
    words = "; ".join(f"{name}: {change(row.ratio)}, {row.verdict.value}" for row, name in shown)
    return (
        f'<svg class="chart forest" viewBox="0 0 {WIDTH} {depth + BOTTOM}" role="img" aria-labelledby="fo-t fo-d">'
        f'<title id="fo-t">Candidate / base with 95 % interval</title><desc id="fo-d">{escape(words)}</desc>'
        + "".join(parts)
        + text_at(SIDE, depth + BOTTOM - 6, "← candidate smaller", "start", "label")
        + text_at(WIDTH - SIDE, depth + BOTTOM - 6, "candidate larger →", "end", "label")
        + "</svg>"
    )


def _axis(rows: Sequence[MetricComparison]) -> Axis:
    ends = [end for row in rows for end in (row.ratio, row.ci_low, row.ci_high) if end is not None and end > 0]
    far = max(*(max(end, 1 / end) for end in ends), 1 + 2 * max(row.floor for row in rows)) * 1.03
    whole = logarithmic(1 / far, far, SIDE, WIDTH - SIDE)
    ticks = [
        ratio
        for ratio in (0.1, 0.2, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 5.0, 10.0)
        if 1 / far <= ratio <= far
    ]
    return Axis(
        1 / far,
        far,
        whole.begin,
        whole.end,
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
    here = axis.at(row.ratio or 1.0)
    shape = f"M{here} {middle - 6}l6 6l-6 6l-6 -6z"
    return "".join(parts) + f'<path class="point {style}" d="{shape}"/>'
