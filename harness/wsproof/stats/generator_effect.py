"""The value of each figure without the load generator's part. Trust is judged by that difference.

A figure is one statistic of one metric, such as latency p99. The generator may have changed it in three ways:

- It sent late. The effect is known exactly: the figure is computed again from the actual send times, and again without
  the late publications. (A burst of late messages can also slow down the messages after it.)
- It read late. Where a receipt has no exact time, the bounds of its arrival are known: see `arrival_stamps`.
- It had no CPU time left in some seconds. The figure is computed again without these seconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.model.measurement import GeneratorUsage
from wsproof.model.nanoseconds import NS
from wsproof.stats.arrival_stamps import earliest_ns
from wsproof.stats.metrics import METRICS_BY_NAME, Observed
from wsproof.stats.summary import summary_of

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
STATISTICS = ("p50", "p90", "p99", "p999", "mean", "max")
"""The statistics that are examined. The minimum is missing: lateness affects it only if all were late, and then the
median shows it."""
ENOUGH_FOR_ALL = 2_000_000
"""Deliveries up to which all are examined. Beyond, every second (third, ...) is enough for a percentile."""
TAIL = frozenset({"p99", "p999", "max"})
"""The statistics that a delay of one message in a hundred affects."""


@dataclass(frozen=True)
class Limit:
    """Largest allowed part of the generator in a figure: a share of it, or `least_ns`, whichever is larger."""

    share: float
    least_ns: float

    def of(self, value: float) -> float:
        """The limit for a figure with this value."""
        return max(self.least_ns, self.share * value)


@dataclass(frozen=True)
class Effect:
    """One figure in ns: as reported, and without the generator's part."""

    metric: str
    statistic: str
    reported: float
    without: float

    @property
    def name(self) -> str:
        """The figure's name, as in records: `latency.p99`."""
        return f"{self.metric}.{self.statistic}"

    @property
    def added(self) -> float:
        """The generator's part of the figure, in ns."""
        return self.reported - self.without

    def show(self, value: float) -> str:
        """Format a value of this figure for people."""
        return METRICS_BY_NAME[self.metric].show(value)


class DeliveryTimes:
    """Samples of all metrics that time deliveries, as measured or without parts of the generator's delay."""

    def __init__(self, observed: Observed) -> None:
        joined, fanout = observed.deliveries, observed.fanout
        some = slice(None, None, 1 + len(joined.received_ns) // ENOUGH_FOR_ALL)
        generator = observed.measurement.generator
        self._of, self._received_ns = joined.publication[some], joined.received_ns[some]
        self._complete = fanout.complete
        self._first_ns, self._last_ns = fanout.first_ns, fanout.last_ns
        published = joined.published
        sent_ns = published.sent_ns
        self._waited_ns = _early_ns(self._received_ns, sent_ns[self._of], generator)
        self._first_waited_ns = _early_ns(fanout.first_ns, sent_ns[self._complete], generator)
        self._last_waited_ns = _early_ns(fanout.last_ns, sent_ns[self._complete], generator)
        self.intended_ns = published.intended_ns
        self.slip_ns: Ints = np.where(published.sent_ns > 0, published.sent_ns - published.intended_ns, 0).clip(min=0)

    def __len__(self) -> int:
        return len(self._received_ns)

    def figures(
        self, *, as_sent: bool = False, at_once: bool = False, kept: Flags | None = None
    ) -> dict[tuple[str, str], float]:
        """Compute all figures, in ns, by metric and statistic.

        `as_sent` counts from the actual send times instead of the intended ones. `at_once` moves each receipt to the
        earliest possible time of its arrival. `kept` selects publications (one flag per row of the history).
        """
        begin_ns = self.intended_ns + self.slip_ns if as_sent else self.intended_ns
        sent_ns = self.intended_ns + self.slip_ns
        received_ns = self._received_ns - self._waited_ns if at_once else self._received_ns
        first_ns = self._first_ns - self._first_waited_ns if at_once else self._first_ns
        last_ns = self._last_ns - self._last_waited_ns if at_once else self._last_ns
        deliveries = slice(None) if kept is None else kept[self._of]
        whole = slice(None) if kept is None else kept[self._complete]
        return _statistics(
            {
                "latency": (received_ns - begin_ns[self._of])[deliveries],
                "service_time": (received_ns - sent_ns[self._of])[deliveries],
                "time_to_last": (last_ns - begin_ns[self._complete])[whole],
                "spread": (last_ns - first_ns)[whole],
            }
        )


def _early_ns(received_ns: Ints, sent_ns: Ints, generator: GeneratorUsage) -> Ints:
    """Return how much earlier than recorded each receipt may have arrived, in ns, but not before it was sent."""
    earliest = np.maximum(earliest_ns(received_ns, generator.stamps), sent_ns)
    return np.maximum(received_ns - earliest, 0)


def _statistics(samples: Mapping[str, NDArray[Any]]) -> dict[tuple[str, str], float]:
    figures = {}
    for metric, values in samples.items():
        summary = summary_of(values, "ns", "lower")
        for statistic in STATISTICS:
            value = getattr(summary, statistic)
            if value is not None:
                figures[metric, statistic] = float(value)
    return figures


def sent_late(times: DeliveryTimes, limit: Limit) -> Iterator[Effect]:
    """Figures that late sends have changed by more than the limit, directly or through queueing."""
    if times.slip_ns.max(initial=0) <= limit.least_ns:
        return
    reported, as_sent = times.figures(), times.figures(as_sent=True)
    punctual: dict[float, dict[tuple[str, str], float]] = {}
    for figure, value in reported.items():
        allowed = limit.of(value)
        on_time = times.slip_ns <= allowed
        if on_time.all():
            continue  # the largest slip is the most that can have been added to the figure
        late = float(np.count_nonzero(~on_time))
        if late not in punctual:  # two limits with the same number of late publications have the same late publications
            punctual[late] = times.figures(kept=on_time)
        # If the figure is larger without the late publications, they were faster, and nothing follows.
        without = min(as_sent[figure], punctual[late].get(figure, value))
        if value - without > allowed:
            yield Effect(*figure, value, without)


def own_delays(times: DeliveryTimes, limit: Limit, *, reading: bool = True) -> Iterator[Effect]:
    """Figures that late sends and, if `reading`, late reads together may have changed by more than the limit."""
    reported, without = times.figures(), times.figures(as_sent=True, at_once=reading)
    for (metric, statistic), value in reported.items():
        rest = without[metric, statistic]
        if value - rest > limit.of(rest):
            yield Effect(metric, statistic, value, rest)


def without_seconds(observed: Observed, times: DeliveryTimes, busy: Flags, limit: Limit) -> Iterator[Effect]:
    """Figures that are lower, by more than the limit, without the publications of the busy seconds."""
    second = ((times.intended_ns - observed.history.start_ns) // NS).clip(0, len(busy) - 1)
    reported, others = times.figures(), times.figures(kept=~busy[second])
    for figure, value in reported.items():
        without = others.get(figure, value)
        if value - without > limit.of(value):
            yield Effect(*figure, value, without)
