"""What each figure would be without what the load generator did: trust is judged by that effect.

A figure is one statistic of one metric, such as latency p99. What the generator may have added to it:

- It sent late. Known exactly: the figure is taken once more from the actual send times, and once without the
  publications that were late. (A burst of late ones can slow down those that are behind them.)
- A receipt waited until the event loop had read what came before it. Known within bounds: see `own_delay`.
- It had no CPU left in some seconds. The figure is taken once more without them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsproof.stats.generator_delay import ENOUGH_FOR_ALL, waited_ns
from wsproof.stats.metrics import METRICS_BY_NAME, Observed
from wsproof.stats.summary import summary_of

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
STATISTICS = ("p50", "p90", "p99", "p999", "mean", "max")
"""Without the minimum: lateness decides it only where all were late, and then the median tells."""
TAIL = frozenset({"p99", "p999", "max"})


@dataclass(frozen=True)
class Limit:
    """How much of a figure may be the generator's: a share of it, or so much, whichever is more."""

    share: float
    least_ns: float

    def of(self, value: float) -> float:
        """The limit for a figure."""
        return max(self.least_ns, self.share * value)


@dataclass(frozen=True)
class Effect:
    """One figure as it is reported, and as it would be without the generator's part; ns."""

    metric: str
    statistic: str
    reported: float
    without: float

    @property
    def name(self) -> str:
        """The figure's name, as records have it."""
        return f"{self.metric}.{self.statistic}"

    @property
    def added(self) -> float:
        """The generator's part of it."""
        return self.reported - self.without

    def show(self, value: float) -> str:
        """A value of it, for people."""
        return METRICS_BY_NAME[self.metric].show(value)


class DeliveryTimes:
    """The samples of all metrics that time deliveries, as they are or as they would be otherwise."""

    def __init__(self, observed: Observed) -> None:
        joined, fanout = observed.deliveries, observed.fanout
        some = slice(None, None, 1 + len(joined.received_ns) // ENOUGH_FOR_ALL)
        turns = observed.measurement.generator.turns
        self._of, self._received_ns = joined.publication[some], joined.received_ns[some]
        self._complete = fanout.complete
        self._first_ns, self._last_ns = fanout.first_ns, fanout.last_ns
        self._waited_ns = waited_ns(self._received_ns, turns) // 2
        self._first_waited_ns = waited_ns(fanout.first_ns, turns) // 2
        self._last_waited_ns = waited_ns(fanout.last_ns, turns) // 2
        published = joined.published
        self.intended_ns = published.intended_ns
        self.slip_ns: Ints = np.where(published.sent_ns > 0, published.sent_ns - published.intended_ns, 0).clip(min=0)

    def __len__(self) -> int:
        return len(self._received_ns)

    def figures(
        self, *, as_sent: bool = False, at_once: bool = False, kept: Flags | None = None
    ) -> dict[tuple[str, str], float]:
        """All figures. `as_sent`: as if the sends had been meant for when they left. `at_once`: as if each receipt had
        been read when it came. `kept`: from these publications only (one flag per row of the history)."""
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


def _statistics(samples: Mapping[str, NDArray[Any]]) -> dict[tuple[str, str], float]:
    found = {}
    for metric, values in samples.items():
        summary = summary_of(values, "ns", "lower")
        for statistic in STATISTICS:
            value = getattr(summary, statistic)
            if value is not None:
                found[metric, statistic] = float(value)
    return found


def sent_late(times: DeliveryTimes, limit: Limit) -> Iterator[Effect]:
    """Figures that late sends have changed by more than the limit, of deliveries or of how they queued."""
    if times.slip_ns.max(initial=0) <= limit.least_ns:
        return
    reported, as_sent = times.figures(), times.figures(as_sent=True)
    punctual: dict[float, dict[tuple[str, str], float]] = {}
    for figure, value in reported.items():
        allowed = limit.of(value)
        on_time = times.slip_ns <= allowed
        if on_time.all():
            continue  # it can have changed by the largest slip at most
        late = float(np.count_nonzero(~on_time))
        if late not in punctual:  # the publications that are later than a limit are the same for the same number
            punctual[late] = times.figures(kept=on_time)
        # Of a larger figure without them nothing follows: then the late ones were the quicker ones.
        without = min(as_sent[figure], punctual[late].get(figure, value))
        if value - without > allowed:
            yield Effect(*figure, value, without)


def own_delays(times: DeliveryTimes, limit: Limit, always_ns: float) -> Iterator[Effect]:
    """Figures of which late sends and late reading together may be more than the limit.

    `always_ns` is what comes to one message in a hundred even where nothing waits.
    """
    reported, without = times.figures(), times.figures(as_sent=True, at_once=True)
    for (metric, statistic), value in reported.items():
        rest = without[metric, statistic]
        if statistic in TAIL and metric != "spread":
            rest -= always_ns
        if value - rest > limit.of(rest):
            yield Effect(metric, statistic, value, rest)


def without_seconds(observed: Observed, times: DeliveryTimes, busy: Flags, limit: Limit) -> Iterator[Effect]:
    """Figures that are lower without the publications of these seconds of the window."""
    second = ((times.intended_ns - observed.history.start_ns) // 1_000_000_000).clip(0, len(busy) - 1)
    reported, others = times.figures(), times.figures(kept=~busy[second])
    for figure, value in reported.items():
        without = others.get(figure, value)
        if value - without > limit.of(value):
            yield Effect(*figure, value, without)
