"""Further facts of a check's report: what was measured, and what was not run."""

from __future__ import annotations

from collections.abc import Iterable

from wsproof.model.record import RunRecord
from wsproof.model.suite import CheckRun, NotRun
from wsproof.report.formats.json_documents import suite_report_of
from wsproof.report.text.units import significant

__all__ = ["by_reason", "measured", "not_run_of", "remarks_of"]


def measured(run: CheckRun) -> str:
    """The measurements of a check, in one line."""
    return "; ".join(f"{one.name} {significant(one.value)} {one.unit}".strip() for one in run.measured)


def by_reason(not_run: Iterable[NotRun]) -> list[tuple[str, list[str]]]:
    """Checks that were not run, grouped by reason."""
    found: dict[str, list[str]] = {}
    for one in not_run:
        found.setdefault(one.reason, []).append(one.check)
    return list(found.items())


def not_run_of(record: RunRecord) -> list[tuple[str, list[str]]]:
    """The requested checks of a run that were not run, by reason."""
    part = record.parts.get("check")
    return by_reason(suite_report_of(part).not_run) if part else []


def remarks_of(record: RunRecord) -> tuple[str, ...]:
    """Remarks on the whole check, such as which messages the endpoint accepts."""
    part = record.parts.get("check")
    return suite_report_of(part).remarks if part else ()
