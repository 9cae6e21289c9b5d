"""Times for Locust's tables and charts, passed on in batches.

Firing Locust's request event for each delivery costs many times as much as the delivery itself. So batches are written
into Locust's statistics directly, and its tables and charts stay complete. Other plugins get each batch by the event
`ws_times` (`wsproof.locust.events`).
"""

from __future__ import annotations

from collections import Counter
from time import time
from typing import Any

from locust import stats as locust_stats

from wsproof.locust.events import fire
from wsproof.model.nanoseconds import NS

METHOD = "WS"
FINE_MS = 100.0
"""Milliseconds up to which times are kept to a tenth of a millisecond. Locust rounds to whole ones."""


class RequestStats:
    """Samples of one named metric, in ns, that Locust has not received yet.

    `in_total`: the samples are part of the row `Aggregated`, from which Locust draws its charts. Only the latency of
    deliveries is: a percentile of deliveries, connects and times to last together would mean nothing.
    """

    def __init__(self, environment: Any, name: str, *, in_total: bool = False) -> None:
        self.environment = environment
        self.name = name
        self.in_total = in_total
        self.samples_ns: list[int] = []
        self.size_bytes = 0
        self.latest_ns: list[int] = []
        """The samples that `flush` has passed on and `take_latest` has not returned yet."""

    def add(self, duration_ns: int, size_bytes: int = 0) -> None:
        """Add a sample."""
        self.samples_ns.append(duration_ns)
        self.size_bytes += size_bytes

    def restart(self) -> None:
        """Drop all samples so far."""
        self.samples_ns, self.latest_ns, self.size_bytes = [], [], 0
        self.environment.stats.entries[self.name, METHOD].reset()

    def take_latest(self) -> list[int]:
        """The samples since the last call."""
        self.flush()
        latest, self.latest_ns = self.latest_ns, []
        return latest

    def flush(self) -> None:
        """Merge the samples into Locust's statistics, as a master merges those of its workers."""
        if not self.samples_ns:
            return
        milliseconds = [sample * 1000 / NS for sample in self.samples_ns]
        statistics = self.environment.stats
        batch = locust_stats.StatsEntry(statistics, self.name, METHOD)
        now = time()
        batch.num_requests = len(milliseconds)
        # Locust's types say int here, but Locust stores floats as they are.
        batch.total_response_time = sum(milliseconds)  # type: ignore[arg-type]
        batch.min_response_time = min(milliseconds)  # type: ignore[assignment]
        batch.max_response_time = max(milliseconds)  # type: ignore[assignment]
        batch.total_content_length = self.size_bytes
        batch.last_request_timestamp = now
        batch.num_reqs_per_sec[int(now)] = len(milliseconds)
        batch.response_times.update(Counter(map(rounded_ms, milliseconds)))  # type: ignore[arg-type]
        self.latest_ns += self.samples_ns
        self.samples_ns, self.size_bytes = [], 0
        if self.in_total:
            statistics.total.extend(batch)
        statistics.entries[self.name, METHOD].extend(batch)
        fire(
            self.environment,
            "ws_times",
            name=self.name,
            milliseconds=milliseconds,
            response_length=batch.total_content_length,
        )


class RunStats:
    """The rows of one workload run in Locust's tables, and its events for other plugins."""

    def __init__(self, environment: Any, workload: str) -> None:
        self._environment = environment
        self._workload = workload
        self.latency = RequestStats(environment, f"{workload}: latency from intended time", in_total=True)
        self.to_last = RequestStats(environment, f"{workload}: time to last")
        self.spread = RequestStats(environment, f"{workload}: spread of a tick")
        self.connect = RequestStats(environment, f"{workload}: connect")

    def begin_window(self) -> None:
        """Drop the samples of received messages so far, if Locust resets its own, too."""
        if self._environment.reset_stats:
            for table in (self.latency, self.to_last, self.spread):
                table.restart()

    def flush(self) -> None:
        """Pass the latest samples on to Locust."""
        for table in (self.latency, self.to_last, self.spread, self.connect):
            table.flush()

    def reached_all(self, elapsed_ns: int) -> None:
        """Count a publication that its last member has received, this long after its intended time."""
        self.to_last.add(elapsed_ns)
        self.fire("ws_reached_all", milliseconds=elapsed_ns * 1000 / NS)

    def fire(self, event: str, **fields: Any) -> None:
        """Fire an event of `wsproof.locust.events` for other plugins."""
        fire(self._environment, event, workload=self._workload, **fields)

    def fail(self, problem: str, fault: Exception) -> None:
        """Report a failure of a user."""
        log_failures(self._environment, f"{self._workload}: {problem}", fault, 1)


def rounded_ms(milliseconds: float) -> float:
    """A time as Locust's table counts it: to a tenth of a millisecond, from 100 ms on to three digits."""
    if milliseconds < FINE_MS:
        return round(milliseconds, 1)
    return float(f"{milliseconds:.3g}")


def log_failures(environment: Any, name: str, error: Exception, count: int) -> None:
    """Count failures in Locust's table: one row, with the number of occurrences.

    The first one is fired as a request event, so that other plugins see it. It has no response time.
    """
    environment.events.request.fire(
        request_type=METHOD, name=name, response_time=None, response_length=0, exception=error, context={}
    )
    statistics, further = environment.stats, count - 1
    row = statistics.errors.get(locust_stats.StatsError.create_key(METHOD, name, error))
    if row is None or further <= 0:
        return
    row.occurrences += further
    now = int(time())
    entry = statistics.entries[name, METHOD]
    entry.num_requests += further
    entry.num_none_requests += further
    for row_of_table in (entry, statistics.total):
        row_of_table.num_failures += further
        row_of_table.num_fail_per_sec[now] += further
