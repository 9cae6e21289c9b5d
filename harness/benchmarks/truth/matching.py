"""The times that a client reports, matched with those of the packets on the wire."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.truth.report import Report
from benchmarks.truth.wire import Wire

CLOCKS_NS = 20_000
"""Tolerance in ns, with some margin.

It covers the difference between the clock of the capture and ours, and the way from the device to the socket.
"""
Times = NDArray[np.int64]


@dataclass(frozen=True)
class Matched:
    """The deliveries that both the client and the capture saw, one row each, in ns of one clock.

    `unmatched` counts those that the capture did not see.
    """

    sent_ns: Times
    left_ns: Times
    came_ns: Times
    received_ns: Times
    after_ns: Times
    unmatched: int

    @property
    def reported_ns(self) -> Times:
        """Receipt - actual send, as the client reports them."""
        return self.received_ns - self.sent_ns

    @property
    def real_ns(self) -> Times:
        """The difference between the times of the two packets."""
        return self.came_ns - self.left_ns

    @property
    def exact(self) -> NDArray[np.bool_]:
        """Whether the client has an exact time of receipt, for each delivery."""
        return self.after_ns >= self.received_ns

    @property
    def within(self) -> NDArray[np.bool_]:
        """Whether the packet lies in the interval that the client reports, for each delivery that is not exact."""
        known = ~self.exact
        came_ns = self.came_ns[known]
        inside: NDArray[np.bool_] = (came_ns >= self.after_ns[known] - CLOCKS_NS) & (
            came_ns <= self.received_ns[known] + CLOCKS_NS
        )
        return inside

    @property
    def added_ns(self) -> Times:
        """The time that the client added to each delivery."""
        return self.reported_ns - self.real_ns


def match(report: Report, wire: Wire) -> Matched:
    """Find both packets of each delivery by its key and its member."""
    keys = list(zip(report.publisher.tolist(), report.sequence.tolist(), strict=True))
    left = np.array([wire.published.get(key, 0) for key in keys], np.int64)
    places = zip(report.subscriber.tolist(), keys, strict=True)
    came = np.array([wire.delivered.get(place, 0) for place in places], np.int64)
    seen = (left > 0) & (came > 0)
    unmatched = int(np.count_nonzero(~seen))
    return Matched(
        report.sent_ns[seen], left[seen], came[seen], report.received_ns[seen], report.after_ns[seen], unmatched
    )


def quantile(values: NDArray[Any], percent: float) -> float:
    """A quantile that is a measured value, without interpolation, as everywhere in wsproof."""
    return float(np.percentile(values, percent, method="inverted_cdf"))
