"""Times for Locust's tables and charts, passed on in batches.

Firing Locust's request event for each delivery costs many times as much as the delivery itself. So batches are written
into Locust's statistics directly, and its tables and charts stay complete.
"""

from __future__ import annotations

from collections import Counter
from time import time
from typing import Any

from locust import stats as locust_stats

from wsproof.model.nanoseconds import NS

METHOD = "WS"


class RequestStats:
    """Samples of one named metric, in ns, that Locust has not received yet."""

    def __init__(self, environment: Any, name: str) -> None:
        self.environment = environment
        self.name = name
        self.samples_ns: list[int] = []
        self.size_bytes = 0

    def add(self, duration_ns: int, size_bytes: int = 0) -> None:
        """Add a sample."""
        self.samples_ns.append(duration_ns)
        self.size_bytes += size_bytes

    def restart(self) -> None:
        """Drop all samples so far."""
        self.samples_ns, self.size_bytes = [], 0
        self.environment.stats.entries[self.name, METHOD].reset()

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
        batch.response_times.update(Counter(map(locust_stats.bucket_response_time, milliseconds)))
        self.samples_ns, self.size_bytes = [], 0
        statistics.total.extend(batch)
        statistics.entries[self.name, METHOD].extend(batch)
