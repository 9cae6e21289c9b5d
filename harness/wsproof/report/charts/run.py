"""The charts of a run's page, with their captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wsproof.model.chart_series import ChartSeries
from wsproof.model.record import RunRecord
from wsproof.report.charts.capacity import knee_picture
from wsproof.report.charts.svg import ChartFrame, ChartLine, histogram_chart, percentile_chart, timeline_chart
from wsproof.report.text.run import title_of
from wsproof.report.text.units import for_reader

Column = Sequence[float | None]
BUSY = 0.8
"""CPU share of one core above which the generator distorts its measurements, which are then not trusted."""


@dataclass(frozen=True)
class RunChart:
    """A chart with its caption."""

    title: str
    words: str
    svg: str


@dataclass(frozen=True)
class _Charted:
    """What the charts of one workload show. `workload` is empty if the record has only one."""

    record: RunRecord
    """The record, with the metrics of the workload."""
    series: ChartSeries
    workload: str = ""

    def frame(self, key: str, title: str, words: str, x_label: str, y_label: str) -> ChartFrame:
        """The frame of a chart. With several workloads, it names the workload."""
        if self.workload:
            key, title = f"{self.workload}-{key}", f"{self.workload}: {title}"
        return ChartFrame(key, title, words, x_label, y_label)


def pictures(record: RunRecord) -> list[RunChart]:
    """The charts for which the record has data. Those of each workload, if a load has several."""
    drawn = knee_picture(record.capacity) if record.capacity is not None else None
    knee = [] if drawn is None else [RunChart(*drawn)]
    makers = (_percentiles, _timeline, _time_to_last, _deliveries, _server_cpu, _memory, _generator, _slip)
    made = [maker(charted) for charted in _charted(record) for maker in makers]
    return [picture for picture in (*knee, *made) if picture is not None and picture.svg]


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
    words = "; ".join(f"{title_of(name)}: {_spoken(charted.record, name)}" for name in names)
    note = " Latency counts from when a message was meant to leave, service time from when it left." * (
        "latency" in names
    )
    frame = charted.frame("percentiles", title, f"{words}.{note}", "percentile of deliveries", "time")
    return RunChart(frame.title, frame.words, percentile_chart(frame, lines, "ns"))


def _timeline(charted: _Charted) -> RunChart | None:
    data = charted.series.timeline
    if not data:
        return None
    lines = [
        ChartLine(name, data["at_s"], data[f"{name}_ns"], style) for style, name in enumerate(("p50", "p99", "max"), 1)
    ]
    worst = _largest(data["max_ns"])
    words = f"p50, p99 and max of each slice of the window. The slowest delivery took {for_reader(worst, 'ns')}."
    frame = charted.frame("timeline", "Latency over the window", words, "seconds since the window began", "latency")
    return RunChart(frame.title, words, timeline_chart(frame, lines, "ns", log=True))


def _time_to_last(charted: _Charted) -> RunChart | None:
    data = charted.series.time_to_last
    if not data:
        return None
    edges, counts, (beyond,) = (_known(data[name]) for name in ("edge_ns", "count", "beyond"))
    words = f"Publications by how long until their last subscriber had them: {_spoken(charted.record, 'time_to_last')}."
    if beyond:
        words += f" The hatched bar holds {beyond:,} slower than the axis, up to {for_reader(data['max_ns'][0], 'ns')}."
    frame = charted.frame("last", "Time to last", words, "time to last", "publications")
    return RunChart(frame.title, words, histogram_chart(frame, edges, counts, beyond, "ns"))


def _deliveries(charted: _Charted) -> RunChart | None:
    data = charted.series.deliveries
    if not data:
        return None
    words = f"Receipts per second in the window; at most {for_reader(_largest(data['received_per_s']), '1/s')}."
    frame = charted.frame("deliveries", "Deliveries per second", words, "seconds since the window began", "deliveries")
    return RunChart(
        frame.title, words, timeline_chart(frame, [ChartLine("", data["at_s"], data["received_per_s"])], "1/s")
    )


def _server_cpu(charted: _Charted) -> RunChart | None:
    data = charted.series.server
    if not data:
        return None
    most = for_reader(_largest(data["cpu_share"]), "0-1")
    words = f"CPU of the server's processes, 100 % being one core; the most was {most}."
    frame = charted.frame("cpu", "Server CPU", f"{words} The shaded part is the window.", "seconds", "share of a core")
    chart = timeline_chart(
        frame, [ChartLine("", data["at_s"], data["cpu_share"])], "0-1", window=_window(charted.record)
    )
    return RunChart(frame.title, frame.words, chart)


def _memory(charted: _Charted) -> RunChart | None:
    data = charted.series.server
    if not data:
        return None
    words = (
        f"Resident memory of the server's processes; the most was {for_reader(_largest(data['memory_bytes']), 'B')}."
    )
    frame = charted.frame("memory", "Server memory", f"{words} The shaded part is the window.", "seconds", "memory")
    chart = timeline_chart(
        frame, [ChartLine("", data["at_s"], data["memory_bytes"])], "B", window=_window(charted.record)
    )
    return RunChart(frame.title, frame.words, chart)


def _generator(charted: _Charted) -> RunChart | None:
    data = charted.series.generator
    if "cpu_share" not in data:
        return None
    limit = for_reader(BUSY, "0-1")
    words = f"The busiest of wsproof's own processes; above {limit} of a core its figures cannot be trusted."
    frame = charted.frame("generator", "Generator CPU", words, "seconds since the window began", "share of a core")
    chart = timeline_chart(frame, [ChartLine("", data["cpu_at_s"], data["cpu_share"])], "0-1", limit=BUSY)
    return RunChart(frame.title, words, chart)


def _slip(charted: _Charted) -> RunChart | None:
    data = charted.series.generator
    if "slip_max_ns" not in data:
        return None
    words = (
        f"How late messages left, the worst of each slice: at most {for_reader(_largest(data['slip_max_ns']), 'ns')}."
    )
    frame = charted.frame("slip", "Schedule slip", words, "seconds since the window began", "late by")
    return RunChart(
        frame.title, words, timeline_chart(frame, [ChartLine("", data["slip_at_s"], data["slip_max_ns"])], "ns")
    )


def _spoken(record: RunRecord, name: str) -> str:
    """The main percentiles of a metric, as text."""
    summary = record.metrics.get(name)
    if summary is None or not summary.n:
        return "not summarised"
    known = [(word, getattr(summary, key)) for word, key in (("p50", "p50"), ("p99", "p99"), ("max", "max"))]
    return ", ".join(f"{word} {for_reader(value, summary.unit)}" for word, value in known if value is not None)


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
