"""Charts as inline SVG: data in, text out.

The SVG contains neither scripts nor styles: the page's CSS colours its classes. Lines differ in dashes and have a name
in the legend, so colour is not the only difference. Every chart has a title and a description for screen readers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from wsproof.report.charts.axes import Axis, linear, logarithmic, nines
from wsproof.report.text.sanitize import clean_line
from wsproof.report.text.units import Scale, scale_for, significant

WIDTH, HEIGHT = 480, 270
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 44, 44
Values = Sequence[float | None]


@dataclass(frozen=True)
class ChartLine:
    """One line of a chart. `style` 1 to 3 selects colour and dashes."""

    name: str
    x: Sequence[float | None]
    y: Values
    style: int = 1


@dataclass(frozen=True)
class ChartBand:
    """The range of values around a line of the same style."""

    x: Sequence[float | None]
    low: Values
    high: Values
    style: int = 1


@dataclass(frozen=True)
class ChartFrame:
    """Title, caption and axis labels of a chart."""

    key: str
    """Prefix of the SVG's element ids; unique on a page."""
    title: str
    caption: str
    x_label: str
    y_label: str


@dataclass(frozen=True)
class RunChart:
    """A chart with its title and caption. `svg` is empty if there is no data."""

    title: str
    caption: str
    svg: str


def timeline_chart(
    frame: ChartFrame,
    lines: Sequence[ChartLine],
    unit: str,
    *,
    log: bool = False,
    limit: float | None = None,
    window: tuple[float, float] | None = None,
) -> str:
    """Lines over seconds. `limit` draws a line, `window` shades the measured window. Empty without values."""
    xs, ys = _known([line.x for line in lines]), _known([line.y for line in lines])
    if not ys:
        return ""
    scale, y = _y_axis(ys if limit is None else [*ys, limit], unit, log)
    x = linear(min(*xs, 0.0), max(xs), LEFT, WIDTH - RIGHT, widen=False)
    shade = ""
    if window is not None:
        left, right = x.at(window[0]), x.at(window[1])
        shade = f'<rect class="window" x="{left}" y="{TOP}" width="{right - left:.1f}" height="{_depth()}"/>'
    rule = "" if limit is None else _rule(y, limit * scale.factor, f"limit {scale.show(limit)}")
    return _svg(frame, scale, [shade, _grid(x, y), rule, *(_path(line, x, y, scale) for line in lines)], lines)


def percentile_chart(frame: ChartFrame, lines: Sequence[ChartLine], unit: str, bands: Sequence[ChartBand] = ()) -> str:
    """Percentiles on an axis of nines, which gives the tail room. Values are logarithmic."""
    edges = [column for band in bands for column in (band.low, band.high)]
    xs, ys = _known([line.x for line in lines]), _known([*(line.y for line in lines), *edges])
    if not ys:
        return ""
    scale, y = _y_axis(ys, unit, log=True)
    x = nines(max(xs), LEFT, WIDTH - RIGHT)
    drawn = [*(_band(band, x, y, scale) for band in bands), *(_path(line, x, y, scale) for line in lines)]
    return _svg(frame, scale, [_grid(x, y), *drawn], lines)


@dataclass(frozen=True)
class LinkedPoint:
    """A point of a chart that leads to another page; without `href` it leads nowhere. `text` is its tooltip."""

    x: float
    y: float
    text: str
    href: str = ""
    style: int = 1


@dataclass(frozen=True)
class LevelChange:
    """A vertical line at `x`, where a new level begins. `tone` is the CSS class of its colour."""

    x: float
    label: str
    tone: str


def linked_chart(
    frame: ChartFrame,
    lines: Sequence[ChartLine],
    points: Sequence[LinkedPoint],
    steps: Sequence[LevelChange],
    x_ticks: Sequence[tuple[float, str]],
    unit: str,
) -> str:
    """Lines whose points are links, with steps. Empty without points.

    The links are no tab stops, because there may be hundreds: a table beside the chart should have them as well.
    """
    if not points:
        return ""
    scale, y = _y_axis([point.y for point in points], unit, log=False)
    last = max(point.x for point in points)
    x = Axis(-0.5, last + 0.5, LEFT, WIDTH - RIGHT, tuple(x_ticks))
    drawn = [
        _grid(x, y),
        *(_step(step, x, number) for number, step in enumerate(steps)),
        *(_path(line, x, y, scale) for line in lines),
        *(_linked(point, x.at(point.x), y.at(point.y * scale.factor)) for point in points),
    ]
    return _svg(frame, scale, drawn, lines, role="group")


def _step(step: LevelChange, x: Axis, number: int) -> str:
    at, low = x.at(step.x), TOP + 11 + 14 * (number % 3)
    anchor = "end" if at > WIDTH / 2 else "start"
    beside = at - 4 if anchor == "end" else at + 4
    line = f'<line class="step {step.tone}" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>'
    return line + text_at(beside, low, step.label, anchor, "small")


def _linked(point: LinkedPoint, x: float, y: float) -> str:
    title = f"<title>{escape(clean_line(point.text))}</title>"
    dot = f'<circle class="dot s{point.style}" cx="{x}" cy="{y}" r="2.5">{title}</circle>'
    return f'<a href="{escape(point.href, quote=True)}" tabindex="-1">{dot}</a>' if point.href else dot


def level_chart(
    frame: ChartFrame,
    dots: Sequence[ChartLine],
    unit: str,
    *,
    limit: float,
    shaded: tuple[float, float] | None = None,
) -> str:
    """One mark per run, by load level. The mark's shape shows the run's outcome. Logarithmic axes."""
    xs, ys = _known([line.x for line in dots]), _known([line.y for line in dots])
    if not ys:
        return ""
    scale, y = _y_axis([*ys, limit], unit, log=min(ys) > 0)
    edges = [*xs, *(shaded or ())]
    x = logarithmic(min(edges), max(edges), LEFT, WIDTH - RIGHT)
    shade = ""
    if shaded is not None:
        left, right = x.at(shaded[0]), x.at(shaded[1])
        shade = f'<rect class="window" x="{left}" y="{TOP}" width="{max(right - left, 1):.1f}" height="{_depth()}"/>'
    rule = _rule(y, limit * scale.factor, f"objective {scale.show(limit)}")
    marks = [
        _mark(line.style, x.at(across), y.at(up * scale.factor))
        for line in dots
        for across, up in zip(line.x, line.y, strict=True)
        if across is not None and up is not None
    ]
    return _svg(frame, scale, [shade, _grid(x, y), rule, *marks, _key(dots)], ())


def histogram_chart(
    frame: ChartFrame, edges: Sequence[float], counts: Sequence[float], beyond: float, unit: str
) -> str:
    """Bars of counts, and a hatched bar for the values beyond the last edge."""
    if not counts:
        return ""
    scale = scale_for(edges[-1], unit)
    tail = 34 if beyond else 0
    x = linear(edges[0] * scale.factor, edges[-1] * scale.factor, LEFT, WIDTH - RIGHT - tail, widen=False)
    y = linear(0, max(*counts, beyond), HEIGHT - BOTTOM, TOP, count=4)
    parts = [_grid(x, y)]
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        left, right = x.at(low * scale.factor), x.at(high * scale.factor)
        parts.append(_bar("bar", left + 0.5, right - left - 1, y.at(count)))
    if beyond:
        left = WIDTH - RIGHT - tail + 6
        parts.append(_bar("bar beyond", left, tail - 6, y.at(beyond)))
        parts.append(
            text_at(
                left + (tail - 6) / 2,
                y.at(beyond) - 4,
                f"{significant(beyond)} slower",
                "middle",
                "small",
                fit=WIDTH - 4,
            )
        )
    return _svg(frame, scale, parts, (), unit_on_x=True)


def _y_axis(values: Sequence[float], unit: str, log: bool) -> tuple[Scale, Axis]:
    positive = [value for value in values if value > 0]
    scale = scale_for(max(values), unit)
    if log and positive:
        low, high = min(positive) * scale.factor, max(positive) * scale.factor
        return scale, logarithmic(low, high, HEIGHT - BOTTOM, TOP)
    return scale, linear(min(0.0, *values) * scale.factor, max(values) * scale.factor, HEIGHT - BOTTOM, TOP)


def _svg(
    frame: ChartFrame,
    scale: Scale,
    parts: Sequence[str],
    lines: Sequence[ChartLine],
    *,
    unit_on_x: bool = False,
    role: str = "img",
) -> str:
    key = escape(frame.key, quote=True)
    unit = scale.unit
    x_label = f"{frame.x_label} ({unit})" if unit_on_x and unit else frame.x_label
    y_label = f"{frame.y_label} ({unit})" if unit and not unit_on_x else frame.y_label
    y_label = y_label.replace(" (/s)", " per second")
    title, description = escape(clean_line(frame.title)), escape(clean_line(frame.caption))
    return (
        f'<svg class="chart" viewBox="0 0 {WIDTH} {HEIGHT}" role="{role}" aria-labelledby="{key}-t {key}-d">'
        f'<title id="{key}-t">{title}</title><desc id="{key}-d">{description}</desc>'
        + "".join(parts)
        + text_at(LEFT, 14, y_label, "start", "label")
        + text_at(WIDTH - RIGHT, HEIGHT - 6, x_label, "end", "label")
        + _legend(lines)
        + "</svg>"
    )


def _grid(x: Axis, y: Axis) -> str:
    parts = [f'<rect class="area" x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" height="{_depth()}"/>']
    for value, label in y.ticks:
        at = y.at(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>')
        parts.append(text_at(LEFT - 6, at + 4, label, "end"))
    end = -1e9
    for value, label in x.ticks:
        at, half = x.at(value), len(label) * 3.9
        middle = min(max(at, half + 2), WIDTH - half - 2)
        if middle - half < end + 6:
            continue  # the label would overlap the one before
        end = middle + half
        parts.append(f'<line class="grid" x1="{at}" x2="{at}" y1="{TOP}" y2="{HEIGHT - BOTTOM}"/>')
        parts.append(text_at(middle, HEIGHT - BOTTOM + 16, label, "middle"))
    return "".join(parts)


def _path(line: ChartLine, x: Axis, y: Axis, scale: Scale) -> str:
    """The line, interrupted where a value is missing. A single value is a dot."""
    runs: list[list[str]] = [[]]
    for across, up in zip(line.x, line.y, strict=True):
        if across is None or up is None:
            runs.append([])
        else:
            runs[-1].append(f"{x.at(across)} {y.at(up * scale.factor)}")
    style = f"s{line.style}"
    drawn = "".join(f"M{'L'.join(run)}" for run in runs if len(run) > 1)
    dots = "".join(
        f'<circle class="dot {style}" cx="{run[0].split()[0]}" cy="{run[0].split()[1]}" r="2.5"/>'
        for run in runs
        if len(run) == 1
    )
    return (f'<path class="line {style}" d="{drawn}"/>' if drawn else "") + dots


def _band(band: ChartBand, x: Axis, y: Axis, scale: Scale) -> str:
    """A filled area between both edges. Points without both of them are left out."""
    points = [
        (x.at(across), y.at(low * scale.factor), y.at(high * scale.factor))
        for across, low, high in zip(band.x, band.low, band.high, strict=True)
        if across is not None and low is not None and high is not None
    ]
    if len(points) < 2:
        return ""
    edge = [f"{at} {low}" for at, low, _ in points] + [f"{at} {high}" for at, _, high in reversed(points)]
    return f'<path class="around s{band.style}" d="M{"L".join(edge)}Z"/>'


def _mark(style: int, x: float, y: float) -> str:
    """A disc, a cross or a ring."""
    if style == 2:
        cross = f"M{x - 4} {y - 4}L{x + 4} {y + 4}M{x - 4} {y + 4}L{x + 4} {y - 4}"
        return f'<path class="mark s2" d="{cross}"/>'
    return f'<circle class="{"mark ring" if style == 3 else "dot"} s{style}" cx="{x}" cy="{y}" r="4"/>'


def _key(dots: Sequence[ChartLine]) -> str:
    parts, at = [], float(LEFT)
    for line in dots:
        parts.append(_mark(line.style, at + 6, 30) + text_at(at + 15, 34, line.name))
        at += 15 + len(line.name) * 7.8 + 16
    return "".join(parts)


def _legend(lines: Sequence[ChartLine]) -> str:
    if len(lines) < 2:
        return ""
    parts, at = [], float(LEFT)
    for line in lines:
        parts.append(f'<line class="line s{line.style}" x1="{at:.0f}" x2="{at + 24:.0f}" y1="30" y2="30"/>')
        parts.append(text_at(at + 29, 34, line.name))
        at += 29 + len(line.name) * 7.8 + 16
    return "".join(parts)


def _rule(axis: Axis, value: float, label: str) -> str:
    at = axis.at(value)
    line = f'<line class="rule" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at}" y2="{at}"/>'
    return line + text_at(WIDTH - RIGHT - 4, at - 4 if at > TOP + 14 else at + 13, label, "end", "small")


def _bar(style: str, left: float, width: float, top: float) -> str:
    height = HEIGHT - BOTTOM - top
    return f'<rect class="{style}" x="{left:.1f}" y="{top}" width="{max(width, 0.5):.1f}" height="{height:.1f}"/>'


def text_at(x: float, y: float, text: str, anchor: str = "start", style: str = "tick", fit: float | None = None) -> str:
    """A text element, escaped. A centred text that would exceed `fit` ends there instead."""
    if fit is not None and anchor == "middle" and x + len(text) * 3.2 > fit:
        x, anchor = fit, "end"
    body = escape(clean_line(text))
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{body}</text>'


def _depth() -> int:
    return HEIGHT - TOP - BOTTOM


def _known(columns: Sequence[Values]) -> list[float]:
    return [value for column in columns for value in column if value is not None]
