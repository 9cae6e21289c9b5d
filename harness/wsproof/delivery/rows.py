"""Rows of the suite's report: a check that was run, a check that was not run, a server that does not answer."""

from __future__ import annotations

from dataclasses import replace

from wsproof.delivery.catalogue import ChannelCheck
from wsproof.errors import TargetError
from wsproof.model.finding import Anomaly, Finding, Level, Verdict
from wsproof.model.suite import CheckRun, Figure, NotRun
from wsproof.workloads import Workload


def unanswered(workload: Workload, check: ChannelCheck, why: TargetError) -> Finding:
    """The finding that the server did not answer, so nothing is known."""
    return Finding("received", workload.name, Anomaly.UNKNOWN, Level.INFORMATIONAL, f"{check.name}: {why}")


def out_of_time(workload: Workload, check: ChannelCheck) -> NotRun:
    """A check that the time budget left out."""
    return replace(left_out(workload, check, "the budget of the run is spent"), is_out_of_time=True)


def left_out(workload: Workload, check: ChannelCheck, reason: str) -> NotRun:
    """A check that was not run, and the reason."""
    return NotRun(f"{workload.name}.{check.name}", workload.name, check.promise, reason)


def row_of(
    workload: Workload,
    check: ChannelCheck,
    verdict: Verdict,
    examples: int,
    seconds: float,
    reason: str = "",
    measured: tuple[Figure, ...] = (),
) -> CheckRun:
    """The report's row for one property."""
    name = f"{workload.name}.{check.name}"
    return CheckRun(name, workload.name, check.promise, verdict, examples, seconds, reason, measured)
