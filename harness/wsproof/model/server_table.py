"""One app on several servers: what the checks of each chapter came to, as counts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from wsproof.model.finding import UNDECIDED, Finding, Level, Verdict, severity
from wsproof.model.suite import SuiteReport

__all__ = [
    "MATRIX_SCHEMA",
    "Cell",
    "Chapter",
    "ServerRunState",
    "ServerTable",
    "ServerTableRow",
    "by_check",
    "cells_of",
    "chapter_of",
]

MATRIX_SCHEMA = "wsproof.matrix/1"


class Chapter(StrEnum):
    """What the checks are about, in the order in which a connection meets it."""

    HANDSHAKE = "handshake"
    FRAMING = "framing"
    MASKING = "masking"
    FRAGMENTATION = "fragments"
    CONTROL = "control"
    CLOSE = "close"
    UTF8 = "UTF-8"
    DEFLATE = "deflate"
    ROBUSTNESS = "robustness"
    CHANNELS = "channels"


# The longest beginning of a section counts. RFC 6455 has no chapter for what it only says about security (10).
_BEGINNINGS = {
    "1.4": Chapter.CLOSE,
    "4": Chapter.HANDSHAKE,
    "5": Chapter.FRAMING,
    "5.1": Chapter.MASKING,
    "5.3": Chapter.MASKING,
    "5.4": Chapter.FRAGMENTATION,
    "5.5": Chapter.CONTROL,
    "5.5.1": Chapter.CLOSE,
    "5.6": Chapter.UTF8,
    "6": Chapter.FRAMING,
    "7": Chapter.CLOSE,
    "8": Chapter.UTF8,
    "9": Chapter.HANDSHAKE,
    "10": Chapter.ROBUSTNESS,
    "11": Chapter.HANDSHAKE,
    "RFC 7692": Chapter.DEFLATE,
    "RFC 9110": Chapter.HANDSHAKE,
    "RFC 9112": Chapter.HANDSHAKE,
    "liveness": Chapter.ROBUSTNESS,
    "robustness": Chapter.ROBUSTNESS,
}


def chapter_of(section: str) -> Chapter | None:
    """The chapter of a section ("5.5.1", "RFC 7692 7.1", "chat"); None for what stands for checks that were not run."""
    if section == "-":
        return None
    own = section.removeprefix("RFC 6455 ")
    words = [own.rpartition(" ")[0]] if own.startswith("RFC ") else own.split(".")
    for length in range(len(words), 0, -1):
        if (chapter := _BEGINNINGS.get(".".join(words[:length]))) is not None:
            return chapter
    return Chapter.CHANNELS


@dataclass(frozen=True, slots=True)
class Cell:
    """One server, one chapter. `unknown` counts checks that could not tell, the others findings."""

    checks: int = 0
    violations: int = 0
    non_strict: int = 0
    accepted: int = 0
    informational: int = 0
    unknown: int = 0

    def to_json(self) -> dict[str, int]:
        """As it stands in wsproof.matrix/1."""
        return {name: getattr(self, name) for name in self.__slots__}


def cells_of(report: SuiteReport) -> dict[Chapter, Cell]:
    """The counts of each chapter that was looked at, in the order of the chapters."""
    counts = {chapter: dict.fromkeys(Cell.__slots__, 0) for chapter in Chapter}
    for run in report.checks_run:
        if (chapter := chapter_of(run.section)) is not None:
            counts[chapter]["checks"] += 1
            counts[chapter]["unknown"] += run.verdict is Verdict.UNKNOWN
    for finding in report.findings:
        if (chapter := chapter_of(finding.section)) is not None:
            counts[chapter][_kind(finding)] += 1
    return {chapter: Cell(**row) for chapter, row in counts.items() if any(row.values())}


def _kind(finding: Finding) -> str:
    if finding.anomaly in UNDECIDED:
        return "unknown"
    if not finding.level.counts:
        return "informational"
    if finding.accepted is not None:
        return "accepted"
    return "violations" if finding.level is Level.VIOLATION else "non_strict"


class ServerRunState(StrEnum):
    """How far we came with a server."""

    CHECKED = "checked"
    NOT_INSTALLED = "not-installed"
    FAILED = "failed"
    """It could not be started, or not again."""
    NOT_RUN = "not-run"
    """The run ended before its turn."""


@dataclass(frozen=True)
class ServerTableRow:
    """One server. `reason` says why it was not checked; `check` is its own wsproof.check/1, `run` the id of its run."""

    server: str
    title: str
    state: ServerRunState
    reason: str = ""
    report: SuiteReport | None = None
    check: Mapping[str, Any] | None = None
    run: str | None = None

    def but(self, **changes: Any) -> ServerTableRow:
        """This row with some fields changed."""
        return replace(self, **changes)

    @property
    def verdict(self) -> Verdict | None:
        """As in its own document; None where there is none."""
        return Verdict(self.check["verdict"]) if self.check is not None else None

    @property
    def cells(self) -> dict[Chapter, Cell]:
        """Counts by chapter."""
        return cells_of(self.report) if self.report is not None else {}

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All of them, accepted ones too."""
        return self.report.findings if self.report is not None else ()

    @property
    def versions(self) -> dict[str, str]:
        """The packages that ran the app."""
        return dict(self.check["target"].get("versions") or {}) if self.check is not None else {}

    @property
    def seconds(self) -> float:
        """How long its checks took."""
        return self.report.seconds if self.report is not None else 0.0

    def to_json(self) -> dict[str, Any]:
        """As it stands in wsproof.matrix/1."""
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
            "check": dict(self.check) if self.check is not None else None,
        }


@dataclass(frozen=True)
class ServerTable:
    """One app on several servers. `target` is the app, redacted."""

    target: Mapping[str, Any]
    started_utc: str
    machine: Mapping[str, Any]
    seed: int
    strict: bool
    rows: tuple[ServerTableRow, ...] = field(default=())

    def but(self, **changes: Any) -> ServerTable:
        """This matrix with some fields changed."""
        return replace(self, **changes)

    @property
    def verdict(self) -> Verdict:
        """The worst of all; UNKNOWN when nothing was checked, or something that is there could not be."""
        known = [row.verdict for row in self.rows if row.verdict is not None]
        failed = [Verdict.UNKNOWN for row in self.rows if row.state in (ServerRunState.FAILED, ServerRunState.NOT_RUN)]
        return Verdict.worst([*known, *failed]) if known or failed else Verdict.UNKNOWN

    def chapters(self) -> list[Chapter]:
        """Those that any server was asked about."""
        asked: set[Chapter] = set().union(*(row.cells for row in self.rows))
        return [chapter for chapter in Chapter if chapter in asked]

    def to_json(self) -> dict[str, Any]:
        """The document wsproof.matrix/1."""
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
    """The findings that count (or those that are accepted) by section and check, the worst first."""
    found: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for row in rows:
        for finding in row.findings:
            if (finding.accepted is not None) is accepted and finding.level.counts:
                found.setdefault((finding.section, finding.check), []).append((row.server, finding))
    return dict(sorted(found.items(), key=lambda item: min(severity(finding) for _, finding in item[1])))
