"""Metrics of a load that still runs, from its seconds. The final ones come from the history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import reduce
from operator import add

import numpy as np

from wsproof.model.load_second import LAYOUT, Duration, LoadSecond, percentile_ns
from wsproof.model.summary import Summary

RECENT_SECONDS = 10
"""Seconds that the newest figures cover."""
COUNTED = ("deliveries", "published")
LARGEST = ("cpu_share", "lag_ns", "slip_ns")


class RunningLoad:
    """The figures of some seconds together. Percentiles come from merged counts, and are never averaged."""

    def __init__(self, seconds: Iterable[LoadSecond] = ()) -> None:
        self._last: dict[str, LoadSecond] = {}
        """The last second of each process."""
        self._clear()
        for second in seconds:
            self.add(second)

    def _clear(self) -> None:
        self._arrived: Counter[int] = Counter()
        self._time_to_last: Counter[int] = Counter()
        self._spread: Counter[int] = Counter()
        self._counts: Counter[str] = Counter()
        self._largest: dict[str, float] = dict.fromkeys(LARGEST, 0.0)
        self._times: set[int] = set()

    def add(self, second: LoadSecond, process: str = "") -> None:
        """Add a second of a process, or a part of one.

        The first measured second begins the measured window. Earlier seconds are dropped.
        """
        last = self._last.get(process)
        if second.is_measured and last is not None and not last.is_measured:
            last = None
            self._clear()
        self._arrived.update(second.latency)
        self._time_to_last.update(second.time_to_last)
        self._spread.update(second.spread)
        self._counts.update({name: getattr(second, name) for name in COUNTED})
        for name in LARGEST:
            self._largest[name] = max(self._largest[name], float(getattr(second, name)))
        self._last[process] = last + second if last is not None and last.at_s == second.at_s else second
        self._times.add(second.at_s)

    @property
    def latency(self) -> Duration:
        """Latency from the intended send time. An overdue message counts with its waiting time so far."""
        return merged([self._arrived, *(last.overdue for last in self._last.values())])

    @property
    def time_to_last(self) -> Duration:
        """Time until the last member had a publication."""
        return self._time_to_last

    @property
    def spread(self) -> Duration:
        """The spread of the ticks of a feed."""
        return self._spread

    def per_second(self, name: str) -> float | None:
        """The mean per second of a count of COUNTED. None without seconds."""
        return self._counts[name] / len(self._times) if self._times else None

    def largest(self, name: str) -> float:
        """The largest value of a field of LARGEST."""
        return self._largest[name]

    @property
    def reach(self) -> float | None:
        """The share of the expected deliveries of the whole test that have arrived."""
        return self._now.reach

    @property
    def _now(self) -> LoadSecond:
        """The last seconds of all processes together."""
        return reduce(add, self._last.values()) if self._last else LoadSecond(0)

    def summaries(self) -> dict[str, Summary]:
        """The metrics that are known while the test runs, for objectives."""
        times = {"latency": self.latency, "time_to_last": self.time_to_last, "feed_spread": self.spread}
        summaries = {name: summary_of(counts) for name, counts in times.items() if counts}
        reach, rate = self.reach, self.per_second("deliveries")
        if reach is not None:
            summaries["reach"] = Summary("0-1", "higher", self._now.planned, reach, mean=reach)
        if rate is not None:
            summaries["deliveries_per_s"] = Summary("1/s", "higher", 1, rate)
        return summaries


def merged(counts: Iterable[Duration]) -> Duration:
    """The sum of histograms."""
    total: Counter[int] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def summary_of(counts: Duration) -> Summary:
    """The summary of a histogram of durations."""
    buckets = np.array(sorted(counts), dtype=np.int64)
    number = np.array([counts[bucket] for bucket in buckets.tolist()], dtype=np.int64)
    values = LAYOUT.largest(buckets)
    p50 = percentile_ns(counts, 0.5)
    return Summary(
        unit="ns",
        better="lower",
        n=int(number.sum()),
        value=p50,
        mean=float(np.average(values, weights=number)),
        min=float(values[0]),
        p50=p50,
        p90=percentile_ns(counts, 0.9),
        p99=percentile_ns(counts, 0.99),
        p999=percentile_ns(counts, 0.999),
        max=float(values[-1]),
    )
