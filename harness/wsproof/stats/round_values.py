"""The figures of one server in each round of windows in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wsproof.model.measurement import Measurement, ServerUsage
from wsproof.stats.metrics import Observed
from wsproof.stats.resources import FEWEST_CPU_STEPS, NS_PER_US
from wsproof.stats.summary import nearest_rank

Ints = NDArray[np.int64]
SPECTRUM = (1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99)
"""Percentiles of a life's latencies, in %."""
FEWEST_BEYOND = 10
"""Samples of a life beyond a percentile of its spectrum."""
FEWEST_SAMPLES = {0.50: 10, 0.99: 200}
"""Samples that a round needs for a percentile. With 200, two lie beyond p99."""


@dataclass(frozen=True)
class RoundInterval:
    """An interval in monotonic ns."""

    begin_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        return self.end_ns - self.begin_ns


def round_values(measurement: Measurement, rounds: Sequence[RoundInterval]) -> Mapping[str, list[float | None]]:
    """The figures of each round, by the name of the compared metric. None where there is no figure.

    A publication belongs to the round of its intended send time. Latency and time to last count from its actual send
    time. The difference is lateness of the generator and says nothing about a build: the generator never waits for a
    server.
    """
    observed = Observed(measurement)
    joined, fanout = observed.deliveries, observed.fanout
    published = observed.history.publications
    began_ns = np.where(published.sent_ns > 0, published.sent_ns, published.intended_ns)
    intended_ns = published.intended_ns[fanout.complete]
    latency = [
        _within(joined.received_ns - began_ns[joined.publication], joined.intended_ns, round_) for round_ in rounds
    ]
    last = [_within(fanout.last_ns - began_ns[fanout.complete], intended_ns, round_) for round_ in rounds]
    return {
        "latency_p50": [_rank(samples, 0.50) for samples in latency],
        "latency_p99": [_rank(samples, 0.99) for samples in latency],
        "time_to_last_p50": [_rank(samples, 0.50) for samples in last],
        "server_cpu_per_delivery": [
            _cpu_per_delivery_us(measurement.server, len(samples), round_)
            for samples, round_ in zip(latency, rounds, strict=True)
        ],
    }


def latency_spectrum(measurement: Measurement, rounds: Sequence[RoundInterval]) -> list[float | None]:
    """The percentiles SPECTRUM of the latencies of all rounds, from the actual send times. None: too few samples."""
    if not rounds:
        return [None] * len(SPECTRUM)
    observed = Observed(measurement)
    joined, published = observed.deliveries, observed.history.publications
    began_ns = np.where(published.sent_ns > 0, published.sent_ns, published.intended_ns)
    whole = RoundInterval(rounds[0].begin_ns, rounds[-1].end_ns)
    samples = _within(joined.received_ns - began_ns[joined.publication], joined.intended_ns, whole)
    return [
        nearest_rank(samples, percent / 100) if len(samples) * (100 - percent) >= 100 * FEWEST_BEYOND else None
        for percent in SPECTRUM
    ]


def cpu_share(usage: ServerUsage | None, interval: RoundInterval) -> float | None:
    """Share of one core that a server used in an interval. None if the samples do not cover it."""
    if usage is None or len(usage.at_ns) < 2:
        return None
    if usage.at_ns[0] > interval.begin_ns or usage.at_ns[-1] < interval.end_ns:
        return None
    # Offsets, because float64 cannot hold all digits of nanoseconds since boot.
    edges = np.array([0, interval.length_ns], np.float64)
    used = np.interp(edges, usage.at_ns - interval.begin_ns, usage.cpu_ns - usage.cpu_ns[0])
    return float(used[1] - used[0]) / interval.length_ns


def _cpu_per_delivery_us(usage: ServerUsage | None, deliveries: int, whole: RoundInterval) -> float | None:
    share = cpu_share(usage, whole)
    if usage is None or not share or not deliveries:
        return None
    used_ns = share * whole.length_ns
    return used_ns / deliveries / NS_PER_US if used_ns >= FEWEST_CPU_STEPS * usage.cpu_step_ns else None


def _within(samples: Ints, at_ns: Ints, interval: RoundInterval) -> Ints:
    """The samples of an interval, ascending."""
    return np.sort(samples[(at_ns >= interval.begin_ns) & (at_ns < interval.end_ns)])


def _rank(ordered: Ints, share: float) -> float | None:
    return nearest_rank(ordered, share) if len(ordered) >= FEWEST_SAMPLES[share] else None
