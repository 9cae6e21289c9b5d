"""Sentences on a check's report: measurements, and checks that were not run."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.model.record import RunRecord
from wsproof.model.suite import CheckRun, NotRun, SuiteReport
from wsproof.report.text.units import significant

__all__ = ["by_reason", "measured", "not_run_of", "remarks_of", "time_sentence", "too_little_time_of"]

_MORE_TIME = "try --budget 5m, or --budget none"


def measured(run: CheckRun) -> str:
    """The measurements of a check, in one line."""
    return "; ".join(f"{value.name} {significant(value.value)} {value.unit}".strip() for value in run.measured)


def by_reason(not_run: Iterable[NotRun]) -> list[tuple[str, list[str]]]:
    """Checks that were not run, grouped by reason."""
    groups: dict[str, list[str]] = {}
    for row in not_run:
        groups.setdefault(row.reason, []).append(row.check)
    return list(groups.items())


def not_run_of(record: RunRecord) -> list[tuple[str, list[str]]]:
    """The requested checks of a run that were not run, by reason."""
    return by_reason(record.check.not_run) if record.check is not None else []


def remarks_of(record: RunRecord) -> tuple[str, ...]:
    """Remarks on the whole check, such as which messages the endpoint accepts."""
    return record.check.remarks if record.check is not None else ()


def time_sentence(report: SuiteReport) -> str:
    """Say how many checks the time budget left out, and what to do; empty if it left out none.

    The total has only the checks that are possible on this server.
    """
    left_out = report.out_of_time
    if not left_out:
        return ""
    were = "was" if left_out == 1 else "were"
    return f"{left_out} of {left_out + len(report.checks_run)} checks {were} not run within the budget: {_MORE_TIME}."


def too_little_time_of(record: RunRecord) -> str:
    """Like `time_sentence`, but empty unless the missing checks make the verdict unknown."""
    report = record.check
    return time_sentence(report) if report is not None and report.is_mostly_out_of_time else ""
