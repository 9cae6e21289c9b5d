"""The charts of a run's page, with their captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wsproof.model.bench_record import ChartSeries
from wsproof.model.record import RunRecord
from wsproof.report.charts.capacity import capacity_chart
from wsproof.report.charts.svg import ChartFrame, ChartLine, RunChart, histogram_chart, percentile_chart, timeline_chart
from wsproof.report.text.run import title_of
from wsproof.report.text.units import for_reader

Column = Sequence[float | None]
BUSY = 0.8
"""CPU share of one core above which the generator distorts its measurements, which are then not trusted."""


@dataclass(frozen=True)
class _Charted:
    """The data of one workload's charts. `workload` is empty if the record has only one."""

    record: RunRecord
    """The record, with the metrics of the workload."""
    series: ChartSeries
    workload: str = ""

    def frame(self, key: str, title: str, caption: str, x_label: str, y_label: str) -> ChartFrame:
        """The frame of a chart. With several workloads, it names the workload."""
        if self.workload:
            key, title = f"{self.workload}-{key}", f"{self.workload}: {title}"
        return ChartFrame(key, title, caption, x_label, y_label)


def run_charts(record: RunRecord) -> list[RunChart]:
    """The charts for which the record has data. A load of several workloads has charts of each."""
    knee = capacity_chart(record.capacity) if record.capacity is not None else None
    makers = (_percentiles, _timeline, _time_to_last, _deliveries, _server_cpu, _memory, _generator, _slip)
    charts = [maker(charted) for charted in _charted(record) for maker in makers]
    return [chart for chart in (knee, *charts) if chart is not None and chart.svg]


def _charted(record: RunRecord) -> list[_Charted]:
    rooms = record.load.rooms if record.load is not None and record.series is None else ()
    charted = [
        _Charted(replace(record, metrics=room.metrics), room.series, room.workload)
        for room in rooms
        if room.series is not None
    ]
    return charted or [_Charted(record, record.series or ChartSeries())]


def _percentiles(charted: _Charted) -> RunChart | None:
    data = charted.series.percentiles
    names = [key.removesuffix("_ns") for key in data if key.endswith("_ns")]
    lines = [
        ChartLine(title_of(name), data[f"{name}_nines"], data[f"{name}_ns"], style)
        for style, name in enumerate(names, 1)
    ]
    if not lines:
        return None
    kind = "Latency" if "latency" in names else "Service time" if "service_time" in names else "Feed"
    title = f"{kind} by percentile"
    caption = "; ".join(f"{title_of(name)}: {_spoken(charted.record, name)}" for name in names)
    note = " Latency counts from the intended send time, service time from the actual one." * ("latency" in names)
    frame = charted.frame("percentiles", title, f"{caption}.{note}", "percentile of deliveries", "time")
    return RunChart(frame.title, frame.caption, percentile_chart(frame, lines, "ns"))


def _timeline(charted: _Charted) -> RunChart | None:
    data = charted.series.timeline
    if not data:
        return None
    lines = [
        ChartLine(name, data["at_s"], data[f"{name}_ns"], style) for style, name in enumerate(("p50", "p99", "max"), 1)
    ]
    worst = _largest(data["max_ns"])
    caption = f"p50, p99 and max of each slice of the window. The slowest delivery took {for_reader(worst, 'ns')}."
    frame = charted.frame("timeline", "Latency over the window", caption, "seconds since the window began", "latency")
    return RunChart(frame.title, caption, timeline_chart(frame, lines, "ns", log=True))


def _time_to_last(charted: _Charted) -> RunChart | None:
    data = charted.series.time_to_last
    if not data:
        return None
    edges, counts, (beyond,) = (_known(data[name]) for name in ("edge_ns", "count", "beyond"))
    percentiles = _spoken(charted.record, "time_to_last")
    caption = f"Publications by the time until their last subscriber received them: {percentiles}."
    if beyond:
        caption += (
            f" The hatched bar: {beyond:,} slower than the axis shows, up to {for_reader(data['max_ns'][0], 'ns')}."
        )
    frame = charted.frame("last", "Time to last", caption, "time to last", "publications")
    return RunChart(frame.title, caption, histogram_chart(frame, edges, counts, beyond, "ns"))


def _deliveries(charted: _Charted) -> RunChart | None:
    data = charted.series.deliveries
    if not data:
        return None
    caption = f"Receipts per second in the window; at most {for_reader(_largest(data['received_per_s']), '1/s')}."
    frame = charted.frame(
        "deliveries", "Deliveries per second", caption, "seconds since the window began", "deliveries"
    )
    return RunChart(
        frame.title, caption, timeline_chart(frame, [ChartLine("", data["at_s"], data["received_per_s"])], "1/s")
    )


def _server_cpu(charted: _Charted) -> RunChart | None:
    data = charted.series.server
    if not data:
        return None
    most = for_reader(_largest(data["cpu_share"]), "0-1")
    caption = f"CPU of the server's processes, 100 % is one core; the maximum was {most}."
    frame = charted.frame(
        "cpu", "Server CPU", f"{caption} The shaded part is the window.", "seconds", "share of a core"
    )
    chart = timeline_chart(
        frame, [ChartLine("", data["at_s"], data["cpu_share"])], "0-1", window=_window(charted.record)
    )
    return RunChart(frame.title, frame.caption, chart)


def _memory(charted: _Charted) -> RunChart | None:
    data = charted.series.server
    if not data:
        return None
    caption = (
        f"Resident memory of the server's processes; the maximum was {for_reader(_largest(data['memory_bytes']), 'B')}."
    )
    frame = charted.frame("memory", "Server memory", f"{caption} The shaded part is the window.", "seconds", "memory")
    chart = timeline_chart(
        frame, [ChartLine("", data["at_s"], data["memory_bytes"])], "B", window=_window(charted.record)
    )
    return RunChart(frame.title, frame.caption, chart)


def _generator(charted: _Charted) -> RunChart | None:
    data = charted.series.generator
    if "cpu_share" not in data:
        return None
    limit = for_reader(BUSY, "0-1")
    caption = f"The busiest of wsproof's own processes. Above {limit} of a core, its figures are not trusted."
    frame = charted.frame("generator", "Generator CPU", caption, "seconds since the window began", "share of a core")
    chart = timeline_chart(frame, [ChartLine("", data["cpu_at_s"], data["cpu_share"])], "0-1", limit=BUSY)
    return RunChart(frame.title, caption, chart)


def _slip(charted: _Charted) -> RunChart | None:
    data = charted.series.generator
    if "slip_max_ns" not in data:
        return None
    caption = f"The largest send delay of each slice: at most {for_reader(_largest(data['slip_max_ns']), 'ns')}."
    frame = charted.frame("slip", "Schedule slip", caption, "seconds since the window began", "late by")
    return RunChart(
        frame.title, caption, timeline_chart(frame, [ChartLine("", data["slip_at_s"], data["slip_max_ns"])], "ns")
    )


def _spoken(record: RunRecord, name: str) -> str:
    """The main percentiles of a metric, as text."""
    summary = record.metrics.get(name)
    if summary is None or not summary.n:
        return "not summarised"
    figures = [(label, getattr(summary, key)) for label, key in (("p50", "p50"), ("p99", "p99"), ("max", "max"))]
    return ", ".join(f"{label} {for_reader(value, summary.unit)}" for label, value in figures if value is not None)


def _known(column: Column) -> list[float]:
    """The known values of a column."""
    return [value for value in column if value is not None]


def _largest(column: Column) -> float | None:
    """The largest known value of a column."""
    return max((value for value in column if value is not None), default=None)


def _window(record: RunRecord) -> tuple[float, float] | None:
    """Start and end of the measured window, in seconds."""
    seconds = record.plan.get("duration_s")
    return None if seconds is None else (0.0, float(seconds))
