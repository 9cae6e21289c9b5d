"""Figures of Locust users for one second: small enough to send to a master, and to draw while the test runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, TypeAlias

import numpy as np

from wsproof.model.hdr import Layout

__all__ = ["ConnectionCounts", "Duration", "LoadSecond", "bucket_counts", "percentile_ns"]

LAYOUT = Layout(lowest=1_000, digits=2)
"""Buckets of durations: from 512 ns on, at most 1 % wide."""
Duration: TypeAlias = Mapping[int, int]
"""Counts of durations by the number of their bucket."""


def bucket_counts(durations_ns: Iterable[int], times: Iterable[int] | None = None) -> dict[int, int]:
    """Count durations, in ns, by bucket. `times`: how often each duration occurs, if not once."""
    buckets = LAYOUT.index(np.array(list(durations_ns), dtype=np.int64)).tolist()
    if times is None:
        return dict(Counter(buckets))
    counts: Counter[int] = Counter()
    for bucket, number in zip(buckets, times, strict=True):
        counts[bucket] += number
    return dict(counts)


def percentile_ns(counts: Duration, share: float) -> float | None:
    """The nearest-rank percentile of the durations, in ns; None if there are too few to have one.

    A percentile above the median needs a value beyond it: 100 values for p99. `share` 1 is the largest value.
    """
    total = sum(counts.values())
    if not total or (0.5 < share < 1 and total * (1 - share) < 1 - 1e-9):
        return None
    rank, passed = share * total, 0
    for bucket in sorted(counts):
        passed += counts[bucket]
        if passed >= rank - 1e-9:
            break
    return float(LAYOUT.largest(np.array([bucket], dtype=np.int64))[0])


@dataclass(frozen=True)
class ConnectionCounts:
    """The connections of the users by their state."""

    connecting: int = 0
    joining: int = 0
    """Connected, and nothing received yet."""
    receiving: int = 0
    closed: int = 0
    """Closed by the user itself, or by the server because the user did not keep up on purpose."""
    ended: int = 0
    """Ended by the server."""
    refused: int = 0

    def __add__(self, other: ConnectionCounts) -> ConnectionCounts:
        sums = {one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)}
        return ConnectionCounts(**sums)


@dataclass(frozen=True)
class LoadSecond:
    """The figures of the users of one workload for one second.

    `at_s` is the Unix time at which the second ended. `latency` counts from the intended send time. `planned` and
    `missed` count expected deliveries since the measured window began; those of the last second are in neither.
    """

    at_s: int
    is_measured: bool = True
    """Whether the second is part of the measured window. Before it, users were still arriving."""
    latency: Duration = field(default_factory=dict)
    overdue: Duration = field(default_factory=dict)
    """The time that each overdue delivery has waited by the end of the second."""
    time_to_last: Duration = field(default_factory=dict)
    spread: Duration = field(default_factory=dict)
    """The spread of the ticks of a feed."""
    deliveries: int = 0
    published: int = 0
    planned: int = 0
    missed: int = 0
    outstanding: int = 0
    """Expected deliveries that have not arrived yet."""
    oldest_ns: int = 0
    """The time, in ns, that the oldest outstanding delivery has waited since it was sent."""
    connections: ConnectionCounts = ConnectionCounts()
    cpu_share: float = 0.0
    lag_ns: int = 0
    slip_ns: int = 0
    """The largest delay of a send behind its intended time, in ns."""
    unsent: int = 0
    """Publications that were due and could not be sent in the measured window."""

    def __add__(self, other: LoadSecond) -> LoadSecond:
        """The same second of two processes. Of the generators' figures, the worse one counts."""
        return LoadSecond(
            at_s=self.at_s,
            is_measured=self.is_measured and other.is_measured,
            latency=_added(self.latency, other.latency),
            overdue=_added(self.overdue, other.overdue),
            time_to_last=_added(self.time_to_last, other.time_to_last),
            spread=_added(self.spread, other.spread),
            deliveries=self.deliveries + other.deliveries,
            published=self.published + other.published,
            planned=self.planned + other.planned,
            missed=self.missed + other.missed,
            outstanding=self.outstanding + other.outstanding,
            oldest_ns=max(self.oldest_ns, other.oldest_ns),
            connections=self.connections + other.connections,
            cpu_share=max(self.cpu_share, other.cpu_share),
            lag_ns=max(self.lag_ns, other.lag_ns),
            slip_ns=max(self.slip_ns, other.slip_ns),
            unsent=self.unsent + other.unsent,
        )

    @property
    def reach(self) -> float | None:
        """The share of the expected deliveries that have arrived; None if none was expected."""
        return 1 - self.missed / self.planned if self.planned else None

    def to_json(self) -> dict[str, Any]:
        """Return the second as a worker sends it to the master."""
        data = {one.name: getattr(self, one.name) for one in fields(self)}
        for name in _DURATIONS:
            data[name] = [[bucket, count] for bucket, count in data[name].items()]
        return data | {"connections": vars(self.connections)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LoadSecond:
        """The inverse of `to_json`."""
        durations = {name: dict(data[name]) for name in _DURATIONS}
        return cls(**{**data, **durations, "connections": ConnectionCounts(**data["connections"])})


_DURATIONS = ("latency", "overdue", "time_to_last", "spread")


def _added(one: Duration, other: Duration) -> Duration:
    return dict(Counter(one) + Counter(other))
