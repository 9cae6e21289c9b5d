"""Result of a Locust run: what the users of each workload measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from wsproof.model.bench_record import ChartSeries
from wsproof.model.finding import Verdict
from wsproof.model.nanoseconds import NS
from wsproof.model.summary import Summary, TrustWarning

__all__ = ["LoadFailure", "LoadSummary", "WorkloadLoad"]


LEAST_NS = 1_000_000
"""Nanoseconds by which the load generator must change a median, so that the load was not as requested.

Locust shows whole milliseconds. On an idle machine, gevent sends some tenths of a millisecond late, which may be half
of the median of a fast server.
"""


@dataclass(frozen=True)
class WorkloadLoad:
    """The users of one workload. `rate_hz` is None for a workload whose users do not publish.

    `stamps` is the clock of the arrival times, `kernel` or `user`. `series` has the data of the charts. Both are None
    in old records.
    """

    workload: str
    users: int = 0
    rate_hz: float | None = None
    published: int = 0
    verdict: Verdict = Verdict.UNKNOWN
    metrics: Mapping[str, Summary] = field(default_factory=dict)
    warnings: tuple[TrustWarning, ...] = ()
    stamps: str | None = None
    series: ChartSeries | None = None
    recovery: Recovery | None = None
    """The recovery of users whose connections the server had ended. None if no user tries to come back."""

    @property
    def has_void_median(self) -> bool:
        """Whether a whole metric is void, or a median by LEAST_NS or more: then the load was not as requested."""
        figures = [figure for warning in self.warnings if warning.voids_medians for figure in warning.figures]
        return any(self._is_void_median(*figure.partition(".")[::2]) for figure in figures)

    def _is_void_median(self, metric: str, statistic: str) -> bool:
        if statistic not in ("", "p50"):
            return False
        summary = self.metrics.get(metric)
        void = None if summary is None else summary.void.get("p50")
        if not statistic or summary is None or summary.p50 is None or void is None or void.without is None:
            return True
        return summary.unit != "ns" or abs(summary.p50 - void.without) >= LEAST_NS

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `rooms`."""
        return {
            "workload": self.workload,
            "users": self.users,
            "rate_hz": self.rate_hz,
            "published": self.published,
            "verdict": self.verdict.value,
            "metrics": {name: summary.to_json() for name, summary in self.metrics.items()},
            "warnings": [warning.to_json() for warning in self.warnings],
            "stamps": self.stamps,
            "series": None if self.series is None else self.series.to_json(),
            "recovery": None if self.recovery is None else self.recovery.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> WorkloadLoad:
        """The inverse of `to_json`."""
        return cls(
            workload=data["workload"],
            users=data["users"],
            rate_hz=data["rate_hz"],
            published=data["published"],
            verdict=Verdict(data["verdict"]),
            metrics={name: Summary.from_json(summary) for name, summary in data["metrics"].items()},
            warnings=tuple(TrustWarning.from_json(warning) for warning in data["warnings"]),
            stamps=data.get("stamps"),
            series=None if data.get("series") is None else ChartSeries.from_json(data["series"]),
            recovery=None if data.get("recovery") is None else Recovery.from_json(data["recovery"]),
        )


UNDECIDED_FAILURES = ("NothingProven(", "GeneratorFrozen(")
"""Prefixes of Locust failures that are not findings about the server."""


@dataclass(frozen=True)
class LoadFailure:
    """A row of Locust's table of failures: the name of the request, the error, and how often it happened."""

    name: str
    error: str
    occurrences: int

    @property
    def is_undecided(self) -> bool:
        """Whether the failure means that too little is known, not that the server failed."""
        return self.error.startswith(UNDECIDED_FAILURES)

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `failed`."""
        return {"name": self.name, "error": self.error, "occurrences": self.occurrences}


@dataclass(frozen=True)
class LoadSummary:
    """All workloads of a Locust run, and Locust's own counts of requests and failures."""

    rooms: tuple[WorkloadLoad, ...] = ()
    requests: int = 0
    failures: int = 0
    failed: tuple[LoadFailure, ...] = ()
    """Locust's table of failures; empty in old records."""

    @property
    def verdict(self) -> Verdict:
        """The worst of all workloads. Unknown without any, and if a request failed."""
        doubtful = not self.rooms or bool(self.failed)
        return Verdict.worst([*(room.verdict for room in self.rooms), *[Verdict.UNKNOWN] * doubtful])

    @property
    def has_failed(self) -> bool:
        """Whether a request failed. An undecided check is not a failure."""
        return any(not failure.is_undecided for failure in self.failed)

    @property
    def was_carried_out(self) -> bool:
        """Whether no median is void, as `has_void_median` defines it: the load was as requested."""
        return not any(room.has_void_median for room in self.rooms)

    @property
    def trusted(self) -> bool:
        """Whether no trust warning invalidates a figure of any workload."""
        return not any(warning.invalidates for room in self.rooms for warning in room.warnings)

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `load` in a run record."""
        return {
            "verdict": self.verdict.value,
            "rooms": [room.to_json() for room in self.rooms],
            "requests": self.requests,
            "failures": self.failures,
            "failed": [failure.to_json() for failure in self.failed],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> LoadSummary:
        """The inverse of `to_json`."""
        rooms = tuple(WorkloadLoad.from_json(room) for room in data["rooms"])
        failed = tuple(LoadFailure(**row) for row in data.get("failed", ()))
        return cls(rooms, data["requests"], data["failures"], failed)


@dataclass(frozen=True)
class Recovery:
    """The recovery of users that come back after the server has ended their connections, such as in a restart."""

    ended: int
    """The number of times that the server ended the connection of a user."""
    returned: int
    """Number of these times after which the user received messages again."""
    median_ns: int
    """Median time from the end of a connection until its user received messages again; 0 if none did."""
    longest_ns: int
    silent_ns: int
    """The longest time in which publications were due and no member received any."""

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `recovery`."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Recovery:
        """The inverse of `to_json`."""
        return cls(**data)

    def sentence(self) -> str:
        """The recovery in words."""
        times = "once" if self.ended == 1 else f"{self.ended} times"
        ended = f"the server ended the connection of a user {times}"
        silence = f"; for {_seconds(self.silent_ns)} no user received a message that was due" if self.silent_ns else ""
        if not self.returned:
            return f"{ended}, and no user has come back{silence}"
        all_users = "the user" if self.ended == 1 else "all users"
        who = all_users if self.returned == self.ended else f"{self.returned} of them"
        median, longest = _seconds(self.median_ns), _seconds(self.longest_ns)
        after = f"after {median}" if self.returned == 1 else f"after {median} in the median and {longest} at most"
        return f"{ended}; {who} received messages again, {after}{silence}"


def _seconds(duration_ns: int) -> str:
    return f"{duration_ns / NS:.1f} s"
