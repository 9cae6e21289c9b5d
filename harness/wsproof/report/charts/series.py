"""Data series for the charts of a page: a measurement reduced to a few hundred points.

The record stores them. Times are in ns, except `at_s`: seconds since the measured window began, negative before it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.model.bench_record import ChartSeries
from wsproof.model.history import Kind
from wsproof.model.measurement import Measurement
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase
from wsproof.stats.metrics import METRICS_BY_NAME, Observed
from wsproof.stats.summary import ENOUGH, nearest_rank

SLICES = 60
"""Maximum number of time slices of the measured window."""
POINTS = 60
"""Number of points of a percentile curve."""
BINS = 24
"""Number of bins of a histogram."""
PERCENTILES_OF = ("latency", "service_time", "feed_spread", "feed_period_error")
"""The metrics with a percentile curve."""


def series_of(measurement: Measurement) -> ChartSeries:
    """The chart series of a measurement. A series without data is empty."""
    observed = Observed(measurement)
    return ChartSeries(
        percentiles=_percentiles(observed),
        timeline=_timeline(observed),
        time_to_last=_histogram(METRICS_BY_NAME["time_to_last"].compute(observed)),
        deliveries=_deliveries(measurement),
        server=_server(measurement),
        generator=_generator(measurement),
    )


def _percentiles(observed: Observed) -> dict[str, list[float | None]]:
    """Values on a grid that is even in nines (0, 90 %, 99 %, ...), as far as there are samples."""
    series: dict[str, list[float | None]] = {}
    for name in PERCENTILES_OF:
        samples = METRICS_BY_NAME[name].compute(observed)
        if samples is None or len(samples) < ENOUGH["p90"]:
            continue
        ordered = np.sort(samples)
        nines = np.linspace(0, np.log10(len(ordered)), POINTS)
        series[f"{name}_nines"] = [round(float(x), 4) for x in nines]
        # The last point is the largest sample.
        series[f"{name}_ns"] = [*(nearest_rank(ordered, 1 - 10**-x) for x in nines[:-1]), float(ordered[-1])]
    return series


def _timeline(observed: Observed) -> dict[str, list[float | None]]:
    """Latency per slice of the window, by the intended send time."""
    history = observed.history
    joined = observed.deliveries
    if not len(joined.intended_ns) or observed.closed:
        return {}
    edges = _edges(history.start_ns, history.end_ns)
    order = np.argsort(joined.intended_ns, kind="stable")
    latency = joined.latency_ns[order]
    cuts = np.searchsorted(joined.intended_ns[order], edges)
    slices = [np.sort(latency[low:high]) for low, high in pairwise(cuts)]
    series = {"at_s": _middles(edges, history.start_ns)}
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
        enough = ENOUGH.get(name, 1)
        series[f"{name}_ns"] = [nearest_rank(part, share) if len(part) >= enough else None for part in slices]
    return series


def _histogram(samples: NDArray[Any] | None) -> dict[str, list[float | None]]:
    """Counts in even bins up to p99, and the count beyond, so that one slow value does not flatten the chart."""
    if samples is None or len(samples) < 2:
        return {}
    ordered = np.sort(samples)
    top = nearest_rank(ordered, 0.99)
    low = float(ordered[0])
    inside = ordered[ordered <= top]
    counts, edges = np.histogram(inside, bins=BINS, range=(low, max(top, low + 1)))
    return {
        "edge_ns": [round(float(edge)) for edge in edges],
        "count": [int(count) for count in counts],
        "beyond": [len(ordered) - len(inside)],
        "max_ns": [float(ordered[-1])],
    }


def _deliveries(measurement: Measurement) -> dict[str, list[float | None]]:
    """Receipts and publications per second."""
    history = measurement.history
    if history.end_ns <= history.start_ns:
        return {}
    edges = _edges(history.start_ns, history.end_ns)
    receipts = history.receipts
    ticks = np.array([tick.received_ns for tick in history.ticks], dtype=np.int64)
    received_ns = np.concatenate([receipts.received_ns[receipts.kind == Kind.DELIVERY], ticks])
    sent = history.publications.sent_ns[history.publications.phase == Phase.MEASURED]
    width_s = np.diff(edges) / NS
    return {
        "at_s": _middles(edges, history.start_ns),
        "received_per_s": _rounded(np.histogram(received_ns, edges)[0] / width_s),
        "published_per_s": _rounded(np.histogram(sent, edges)[0] / width_s),
    }


def _server(measurement: Measurement) -> dict[str, list[float | None]]:
    """CPU, memory and connections of the server."""
    usage = measurement.server
    if usage is None or len(usage.at_ns) < 3:
        return {}
    rows = np.unique(np.linspace(0, len(usage.at_ns) - 1, 2 * SLICES).astype(np.int64))
    at, cpu = usage.at_ns[rows], usage.cpu_ns[rows]
    return {
        "at_s": _rounded((at[1:] - measurement.history.start_ns) / NS),
        "cpu_share": _rounded(np.diff(cpu) / np.maximum(np.diff(at), 1)),
        "memory_bytes": [int(size) for size in usage.memory_bytes[rows][1:]],
        "connections": [int(count) for count in usage.connections[rows][1:]],
    }


def _generator(measurement: Measurement) -> dict[str, list[float | None]]:
    """CPU of the load generator, and its largest slip per slice."""
    history = measurement.history
    share = measurement.generator.cpu_share
    # There is one value per second. Of each group keep the largest, since that one may distort a figure.
    group = max(1, -(-len(share) // (2 * SLICES)))
    starts = np.arange(0, len(share), group)
    series: dict[str, list[float | None]] = {}
    if len(share):
        series["cpu_at_s"] = _rounded(starts + group / 2)
        series["cpu_share"] = _rounded(np.maximum.reduceat(share, starts))
    published = history.publications
    sent = (published.phase == Phase.MEASURED) & (published.sent_ns > 0)
    if sent.any() and measurement.plan.in_flight is None and history.end_ns > history.start_ns:
        edges = _edges(history.start_ns, history.end_ns)
        slip = (published.sent_ns - published.intended_ns)[sent]
        slot = np.clip(np.searchsorted(edges, published.intended_ns[sent], side="right") - 1, 0, len(edges) - 2)
        series["slip_at_s"] = _middles(edges, history.start_ns)
        series["slip_max_ns"] = [
            float(slip[slot == number].max()) if (slot == number).any() else None for number in range(len(edges) - 1)
        ]
    return series


def _edges(start_ns: int, end_ns: int) -> NDArray[np.int64]:
    """Edges of the time slices: one slice per second, but at least 10 and at most SLICES."""
    seconds = (end_ns - start_ns) / NS
    count = int(min(SLICES, max(10, seconds)))
    return np.linspace(start_ns, end_ns, count + 1).astype(np.int64)


def _middles(edges: NDArray[np.int64], start_ns: int) -> list[float | None]:
    return _rounded(((edges[:-1] + edges[1:]) / 2 - start_ns) / NS)


def _rounded(values: NDArray[Any]) -> list[float | None]:
    return [round(float(value), 4) for value in values]
