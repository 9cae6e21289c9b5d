"""METRICS: name, unit, better direction and definition of every metric. Tables, comparisons and pages read this.

To add a metric, add one entry. Only publications of the measured window and their receipts count. Latency runs from the
*intended* send time. A loss never enters a percentile. It lowers `reach`, and the lost publication has no time to last
and no spread. A metric may be impossible to compute, such as the CPU time of a server that we did not start. It stays
in the record with n = 0 and null numbers, so that readers find its key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.model.measurement import Measurement
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase
from wsproof.model.summary import Summary
from wsproof.stats import feeds, resources
from wsproof.stats.deliveries import Deliveries, PublicationDeliveries, deliveries, fanout
from wsproof.stats.summary import summary_of

Samples = NDArray[Any]


class Observed:
    """A measurement with its join of receipts and publications, computed once for all metrics."""

    def __init__(self, measurement: Measurement) -> None:
        self.measurement = measurement
        self.history = measurement.history

    @cached_property
    def deliveries(self) -> Deliveries:
        return deliveries(self.history)

    @cached_property
    def fanout(self) -> PublicationDeliveries:
        return fanout(self.history, self.measurement.contract, self.deliveries)

    @property
    def period_s(self) -> float | None:
        """The period of a feed in seconds, or None if members publish."""
        feed = self.measurement.contract.feed
        return None if feed is None else feed.period_s

    @property
    def closed(self) -> bool:
        """Whether the run was a closed loop. Its publications have no intended send time, so there is no latency."""
        return self.measurement.plan.in_flight is not None

    @property
    def window_s(self) -> float:
        return (self.history.end_ns - self.history.start_ns) / NS


@dataclass(frozen=True)
class Metric:
    """Definition of one metric.

    `compute` returns the samples in `unit`, or None if they cannot be computed. `single` metrics have one number per
    run instead of samples. For display, the value is divided by `scale` and followed by `shown_unit`. `floor` is the
    smallest relative change that a comparison calls a change.
    """

    name: str
    title: str
    unit: str
    better: str
    definition: str
    compute: Callable[[Observed], Samples | None]
    primary: bool = False
    single: bool = False
    floor: float = 0.05
    scale: float = 1.0
    shown_unit: str = ""

    def samples(self, measurement: Measurement) -> Samples | None:
        """Compute the samples of one measurement. For several metrics, `summaries` joins the history only once."""
        return self.compute(Observed(measurement))

    def show(self, value: float | None) -> str:
        """Format a value for people: three significant digits in the shown unit. Counts are whole numbers."""
        if value is None:
            return "–"
        unit = self.shown_unit or self.unit
        if unit == "1":
            return f"{value:,.0f}"
        return f"{_three_digits(value / self.scale)} {unit}"


def summarise(metric: Metric, samples: Samples | None) -> Summary:
    """Summarise one metric's samples, in the metric's own unit."""
    return summary_of(samples, metric.unit, metric.better)


def summaries(measurement: Measurement) -> dict[str, Summary]:
    """Compute every metric of METRICS that applies to this kind of channel, by name."""
    observed = Observed(measurement)
    return {
        metric.name: summarise(metric, metric.compute(observed))
        for metric in METRICS
        if measurement.contract.feed is not None or metric.name not in FEED_METRICS
    }


def _three_digits(value: float) -> str:
    if value == 0:
        return "0"
    digits = max(0, 2 - int(np.floor(np.log10(abs(value)))))
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text and digits > 2 else text


def _one(value: float | None) -> Samples | None:
    return None if value is None else np.array([value])


def _reach(observed: Observed) -> Samples | None:
    return observed.fanout.reach


def _deliveries_per_s(observed: Observed) -> Samples | None:
    history = observed.history
    if observed.window_s <= 0:
        return None
    return _one(resources.arrivals_between(history, history.start_ns, history.end_ns) / observed.window_s)


def _cpu_per_delivery(observed: Observed) -> Samples | None:
    usage = observed.measurement.server
    return None if usage is None else _one(resources.cpu_per_delivery_us(observed.history, usage))


def _memory_per_connection(observed: Observed) -> Samples | None:
    usage = observed.measurement.server
    return None if usage is None else _one(resources.memory_per_connection_kib(usage))


def _switches_per_delivery(observed: Observed) -> Samples | None:
    usage = observed.measurement.server
    return None if usage is None else _one(resources.switches_per_delivery(observed.history, usage))


def _most_fds(observed: Observed) -> Samples | None:
    usage = observed.measurement.server
    return None if usage is None else _one(resources.most_fds(usage))


def _connect_time(observed: Observed) -> Samples | None:
    times = np.array([member.connect_ns for member in observed.history.members], dtype=np.int64)
    return times[times > 0]


def _slip(observed: Observed) -> Samples | None:
    if observed.closed:
        return None
    published = observed.history.publications
    sent = (published.phase == Phase.MEASURED) & (published.sent_ns > 0)
    slip: Samples = published.sent_ns[sent] - published.intended_ns[sent]
    return slip


def _feed_spread(observed: Observed) -> Samples | None:
    feed = observed.measurement.contract.feed
    return feeds.spreads_ns(observed.history, feed.period_s) if feed is not None and feed.shared else None


def _feed_period_error(observed: Observed) -> Samples | None:
    return None if observed.period_s is None else feeds.period_errors_ns(observed.history, observed.period_s)


def _time(
    name: str, title: str, definition: str, compute: Callable[[Observed], Samples | None], *, primary: bool = False
) -> Metric:
    return Metric(name, title, "ns", "lower", definition, compute, primary=primary, scale=1e6, shown_unit="ms")


METRICS: tuple[Metric, ...] = (
    _time(
        "latency",
        "Latency",
        "receipt - intended send time, one per delivery; a closed loop has none",
        lambda observed: None if observed.closed else observed.deliveries.latency_ns,
        primary=True,
    ),
    _time(
        "service_time",
        "Service time",
        "receipt - actual send time, one per delivery; never called latency",
        lambda observed: observed.deliveries.service_ns,
    ),
    _time(
        "time_to_last",
        "Time to last",
        "last receipt - intended send time, one per publication that reached its whole audience",
        lambda observed: None if observed.closed else observed.fanout.time_to_last_ns,
        primary=True,
    ),
    _time(
        "spread",
        "Spread",
        "last receipt - first receipt, one per publication that reached its whole audience",
        lambda observed: observed.fanout.spread_ns,
    ),
    Metric(
        "reach",
        "Reach",
        "0-1",
        "higher",
        "share of a publication's audience that received it, one per publication; 0 if it could not be made",
        _reach,
        scale=0.01,
        shown_unit="%",
    ),
    Metric(
        "deliveries_per_s",
        "Deliveries per second",
        "1/s",
        "higher",
        "receipts in the measured window / its length",
        _deliveries_per_s,
        single=True,
        shown_unit="/s",
    ),
    Metric(
        "server_cpu_per_delivery",
        "Server CPU per delivery",
        "us",
        "lower",
        "CPU time of the server's process tree in the window / deliveries in it",
        _cpu_per_delivery,
        primary=True,
        single=True,
        shown_unit="µs",
    ),
    Metric(
        "memory_per_connection",
        "Memory per connection",
        "KiB",
        "lower",
        "slope (least squares) of the server's resident memory over open connections during the ramp",
        _memory_per_connection,
        single=True,
    ),
    Metric(
        "server_switches_per_delivery",
        "Switches per delivery",
        "1",
        "lower",
        "context switches of the server's process tree in the window / deliveries in it",
        _switches_per_delivery,
        single=True,
    ),
    Metric(
        "server_fds",
        "Server file descriptors",
        "1",
        "lower",
        "the largest number that the server's process tree had open at one time",
        _most_fds,
        single=True,
    ),
    _time("connect_time", "Connect time", "TCP connect to 101, one per connection", _connect_time),
    _time(
        "feed_spread",
        "Feed spread",
        "last viewer - first viewer, one per round that reached all",
        _feed_spread,
        primary=True,
    ),
    _time("feed_period_error", "Feed period error", "|gap between two ticks of a viewer - period|", _feed_period_error),
    Metric(
        "generator_cpu",
        "Generator CPU",
        "0-1",
        "lower",
        "largest share of one core that a generator process used, one per second of the window",
        lambda observed: observed.measurement.generator.cpu_share,
        scale=0.01,
        shown_unit="%",
    ),
    _time(
        "loop_lag",
        "Loop lag",
        "delay with which the generator's event loop woke up",
        lambda observed: observed.measurement.generator.loop_lag_ns,
    ),
    _time("schedule_slip", "Schedule slip", "actual send time - intended send time, one per publication", _slip),
    Metric(
        "backlog",
        "Backlog",
        "1",
        "lower",
        "publications that were due and not sent when the window ended",
        lambda observed: np.array([observed.measurement.generator.unsent]),
        single=True,
    ),
)

METRICS_BY_NAME = {metric.name: metric for metric in METRICS}
FEED_METRICS = frozenset({"feed_spread", "feed_period_error"})
"""Metrics that only feeds have. Records of other channels omit them instead of storing null."""
