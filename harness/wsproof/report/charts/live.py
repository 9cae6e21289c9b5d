"""The charts of a running load."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from wsproof.model.load_second import LoadSecond, percentile_ns
from wsproof.model.measurement import ServerUsage
from wsproof.report.charts.svg import ChartFrame, ChartLine, RunChart, timeline_chart
from wsproof.report.live_view import LiveView, LiveWorkload
from wsproof.stats.running import merged
from wsproof.stats.trust import MAX_GENERATOR_CPU

POINTS = 120
"""Maximum number of points of a line. Neighbouring seconds of a longer test are merged."""
X_LABEL = "seconds since the test began"


def live_charts(view: LiveView) -> Iterator[RunChart]:
    """The charts of all workloads and servers, one by one, because the load generator pauses while a chart is drawn."""
    for workload in view.workloads:
        slots = _slots(workload.seconds)
        for make in (_latency, _time_to_last, _spread, _deliveries, _outstanding, _connections, _generator):
            chart = make(workload, slots, view.began_s)
            if chart is not None and chart.svg:
                yield chart
    for number, usage in enumerate(view.servers):
        yield from _server(usage, number)


def _slots(seconds: Sequence[LoadSecond]) -> list[Sequence[LoadSecond]]:
    """Seconds in groups of equal size, at most POINTS of them."""
    size = max(1, -(-len(seconds) // POINTS))
    return [seconds[start : start + size] for start in range(0, len(seconds), size)]


def _x(slots: Sequence[Sequence[LoadSecond]], began_s: float) -> list[float | None]:
    return [round(slot[-1].at_s - began_s, 1) for slot in slots]


def _frame(workload: LiveWorkload, key: str, title: str, caption: str, label: str) -> ChartFrame:
    return ChartFrame(f"{workload.name}-{key}", f"{workload.name}: {title}", caption, X_LABEL, label)


def _chart(
    frame: ChartFrame, lines: Sequence[ChartLine], unit: str, *, log: bool = False, limit: float | None = None
) -> RunChart:
    return RunChart(frame.title, frame.caption, timeline_chart(frame, lines, unit, log=log, limit=limit))


def _latency(workload: LiveWorkload, slots: list[Sequence[LoadSecond]], began_s: float) -> RunChart | None:
    counts = [merged(part for second in slot for part in (second.latency, second.overdue)) for slot in slots]
    caption = "From the intended send time. Overdue deliveries count with their waiting time so far."
    frame = _frame(workload, "latency", "latency", caption, "latency")
    x = _x(slots, began_s)
    lines = [
        ChartLine(name, x, [percentile_ns(count, part) for count in counts], style)
        for style, (name, part) in enumerate((("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999)), 1)
    ]
    return _chart(frame, lines, "ns", log=True)


def _time_to_last(workload: LiveWorkload, slots: list[Sequence[LoadSecond]], began_s: float) -> RunChart | None:
    counts = [merged(second.time_to_last for second in slot) for slot in slots]
    frame = _frame(workload, "last", "time to last", "Until the last member received a publication.", "time to last")
    x = _x(slots, began_s)
    lines = [
        ChartLine("p50", x, [percentile_ns(count, 0.5) for count in counts]),
        ChartLine("max", x, [percentile_ns(count, 1.0) if count else None for count in counts], 2),
    ]
    return _chart(frame, lines, "ns", log=True)


def _spread(workload: LiveWorkload, slots: list[Sequence[LoadSecond]], began_s: float) -> RunChart | None:
    counts = [merged(second.spread for second in slot) for slot in slots]
    frame = _frame(
        workload, "spread", "spread of a tick", "Between the first and the last receipt of a tick.", "spread"
    )
    return _chart(frame, [ChartLine("p50", _x(slots, began_s), [percentile_ns(count, 0.5) for count in counts])], "ns")


def _deliveries(workload: LiveWorkload, slots: list[Sequence[LoadSecond]], began_s: float) -> RunChart | None:
    values: list[float | None] = [sum(second.deliveries for second in slot) / len(slot) for slot in slots]
    frame = _frame(workload, "deliveries", "deliveries per second", "Messages that members received.", "deliveries")
    return _chart(frame, [ChartLine("", _x(slots, began_s), values)], "1/s")


def _outstanding(workload: LiveWorkload, slots: list[Sequence[LoadSecond]], began_s: float) -> RunChart | None:
    oldest: list[float | None] = [float(max(second.oldest_ns for second in slot)) for slot in slots]
    if not any(oldest):
        return None
    caption = "Waiting time of the oldest outstanding delivery. A rising line is a stall, or a loss."
    frame = _frame(workload, "oldest", "oldest outstanding delivery", caption, "waited")
    return _chart(frame, [ChartLine("", _x(slots, began_s), oldest)], "ns")


def _connections(workload: LiveWorkload, slots: list[Sequence[LoadSecond]], began_s: float) -> RunChart | None:
    last, x = [slot[-1].connections for slot in slots], _x(slots, began_s)
    states = (("receiving", "receiving"), ("ended by the server", "ended"), ("refused", "refused"))
    shown = [
        (name, field) for name, field in states if field == "receiving" or any(getattr(count, field) for count in last)
    ]
    lines = [
        ChartLine(name, x, [float(getattr(count, key)) for count in last], style)
        for style, (name, key) in enumerate(shown, 1)
    ]
    frame = _frame(workload, "connections", "connections", "The users by the state of their connection.", "connections")
    return _chart(frame, lines, "")


def _generator(workload: LiveWorkload, slots: list[Sequence[LoadSecond]], began_s: float) -> RunChart | None:
    values: list[float | None] = [max(second.cpu_share for second in slot) for slot in slots]
    caption = "CPU of the busiest process of the load generator. Above the limit its figures are void."
    frame = _frame(workload, "generator", "generator CPU", caption, "share of a core")
    return _chart(frame, [ChartLine("", _x(slots, began_s), values)], "0-1", limit=MAX_GENERATOR_CPU)


def _server(usage: ServerUsage, number: int) -> Iterator[RunChart]:
    if len(usage.at_ns) < 3:
        return
    rows = np.unique(np.linspace(0, len(usage.at_ns) - 1, POINTS).astype(np.int64))
    at, cpu = usage.at_ns[rows], usage.cpu_ns[rows]
    x = [round(float(value), 2) for value in (at[1:] - at[0]) / 1e9]
    cpu_share = [float(value) for value in np.diff(cpu) / np.maximum(np.diff(at), 1)]
    caption = "CPU of the server's processes, 100 % is one core."
    frame = ChartFrame(f"server{number}-cpu", "Server CPU", caption, X_LABEL, "share of a core")
    yield _chart(frame, [ChartLine("", x, cpu_share)], "0-1")
    memory = [float(value) for value in usage.memory_bytes[rows][1:]]
    frame = ChartFrame(
        f"server{number}-memory", "Server memory", "Resident memory of its processes.", X_LABEL, "memory"
    )
    yield _chart(frame, [ChartLine("", x, memory)], "B")
