"""Results of one app on several servers, as counts per chapter of checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from wsproof.model.chapter import Chapter
from wsproof.model.finding import UNDECIDED, Finding, Level, Verdict, severity
from wsproof.model.schemas import MATRIX_SCHEMA
from wsproof.model.suite import SuiteReport

__all__ = [
    "ChapterCounts",
    "ServerRunState",
    "ServerTable",
    "ServerTableRow",
    "by_check",
    "cells_of",
]


@dataclass(frozen=True, slots=True)
class ChapterCounts:
    """Counts for one server and one chapter: a cell of the table.

    `unknown` counts checks and findings without a decision, the other counts except `checks` are of findings.
    """

    checks: int = 0
    violations: int = 0
    non_strict: int = 0
    accepted: int = 0
    informational: int = 0
    unknown: int = 0

    def to_json(self) -> dict[str, int]:
        """Return the counts as stored in wsproof.matrix/1."""
        return {name: getattr(self, name) for name in self.__slots__}


def cells_of(report: SuiteReport) -> dict[Chapter, ChapterCounts]:
    """Return the counts of each tested chapter, in the order of the chapters."""
    counts = {chapter: dict.fromkeys(ChapterCounts.__slots__, 0) for chapter in Chapter}
    for run in report.checks_run:
        if (chapter := run.chapter) is not None:
            counts[chapter]["checks"] += 1
            counts[chapter]["unknown"] += run.verdict is Verdict.UNKNOWN
    for finding in report.findings:
        counts[finding.chapter][_kind(finding)] += 1
    return {chapter: ChapterCounts(**row) for chapter, row in counts.items() if any(row.values())}


def _kind(finding: Finding) -> str:
    if finding.anomaly in UNDECIDED:
        return "unknown"
    if not finding.level.counts:
        return "informational"
    if finding.accepted is not None:
        return "accepted"
    return "violations" if finding.level is Level.VIOLATION else "non_strict"


class ServerRunState(StrEnum):
    """The progress of the run with a server."""

    CHECKED = "checked"
    NOT_INSTALLED = "not-installed"
    FAILED = "failed"
    """The server could not be started, or not be restarted."""
    NOT_RUN = "not-run"
    """The run ended before this server."""


@dataclass(frozen=True)
class ServerTableRow:
    """One server. `reason` says why it was not checked. `run` is the id of its run."""

    server: str
    title: str
    state: ServerRunState
    reason: str = ""
    report: SuiteReport | None = None
    run: str | None = None

    def but(self, **changes: Any) -> ServerTableRow:
        """Return this row with some fields changed."""
        return replace(self, **changes)

    @property
    def verdict(self) -> Verdict | None:
        """The verdict of its check; None without one."""
        return self.report.verdict() if self.report is not None else None

    @property
    def cells(self) -> dict[Chapter, ChapterCounts]:
        """Counts per chapter."""
        return cells_of(self.report) if self.report is not None else {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, accepted ones included."""
        return self.report.findings if self.report is not None else ()

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the packages that ran the app."""
        return dict(self.report.target.get("versions") or {}) if self.report is not None else {}

    @property
    def seconds(self) -> float:
        """Duration of its checks in seconds."""
        return self.report.seconds if self.report is not None else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the row as stored in wsproof.matrix/1."""
        return {
            "server": self.server,
            "title": self.title,
            "state": self.state.value,
            "reason": self.reason,
            "verdict": self.verdict,
            "versions": self.versions,
            "seconds": round(self.seconds, 3),
            "chapters": {chapter.value: cell.to_json() for chapter, cell in self.cells.items()},
            "run": self.run,
            "check": self.report.to_json() if self.report is not None else None,
        }


@dataclass(frozen=True)
class ServerTable:
    """Results of one app on several servers. `target` is the app, redacted."""

    target: Mapping[str, Any]
    started_utc: str
    machine: Mapping[str, Any]
    seed: int
    strict: bool
    rows: tuple[ServerTableRow, ...] = field(default=())

    def but(self, **changes: Any) -> ServerTable:
        """Return this table with some fields changed."""
        return replace(self, **changes)

    @property
    def verdict(self) -> Verdict:
        """The worst of all verdicts.

        A server that failed or was not run counts as UNKNOWN, and so does an empty table.
        """
        verdicts = [row.verdict for row in self.rows if row.verdict is not None]
        failed = [Verdict.UNKNOWN for row in self.rows if row.state in (ServerRunState.FAILED, ServerRunState.NOT_RUN)]
        return Verdict.worst([*verdicts, *failed]) if verdicts or failed else Verdict.UNKNOWN

    def chapters(self) -> list[Chapter]:
        """Return the chapters that were tested on any server."""
        asked: set[Chapter] = set().union(*(row.cells for row in self.rows))
        return [chapter for chapter in Chapter if chapter in asked]

    def to_json(self) -> dict[str, Any]:
        """Return the document wsproof.matrix/1."""
        return {
            "schema": MATRIX_SCHEMA,
            "verdict": self.verdict.value,
            "strict": self.strict,
            "target": dict(self.target),
            "started_utc": self.started_utc,
            "machine": dict(self.machine),
            "seed": self.seed,
            "chapters": [chapter.value for chapter in self.chapters()],
            "servers": [row.to_json() for row in self.rows],
        }


def by_check(rows: Iterable[ServerTableRow], *, accepted: bool) -> dict[tuple[str, str], list[tuple[str, Finding]]]:
    """Return the findings that count, or the accepted ones, by section and check, worst first."""
    findings: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for row in rows:
        for finding in row.findings:
            if (finding.accepted is not None) is accepted and finding.level.counts:
                findings.setdefault((finding.section, finding.check), []).append((row.server, finding))
    return dict(sorted(findings.items(), key=lambda item: min(severity(finding) for _, finding in item[1])))
