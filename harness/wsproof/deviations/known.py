"""The known deviations of one server, and how findings are compared with them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from wsproof.deviations.deviation import Deviation, also_broken
from wsproof.model.chapter import Chapter
from wsproof.model.finding import Anomaly, Finding, Level, Verdict, verdict_of
from wsproof.model.old_findings import chapter_of_section, kind_of
from wsproof.model.suite import CheckRun, SuiteReport

__all__ = ["KnownDeviations"]

WasTried = Callable[[str, Iterable[CheckRun]], bool]
"""Whether a check was run and could have shown the deviation."""


@dataclass(frozen=True)
class KnownDeviations:
    """The known deviations of a server.

    `own` comes from the user's file, `shipped` from the files that wsproof includes. `named` is true if the command
    names the user's file. Then a deviation that no longer occurs is a violation.
    """

    own: tuple[Deviation, ...] = ()
    shipped: tuple[Deviation, ...] = ()
    named: bool = False

    @property
    def all(self) -> tuple[Deviation, ...]:
        """All known deviations, those of the user's file first."""
        return (*self.own, *self.shipped)

    def mark(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings. The known ones carry their reason and do not count."""
        return tuple(self._marked(finding) for finding in findings)

    def mark_report(self, report: SuiteReport, was_tried: WasTried) -> SuiteReport:
        """The report with its known findings marked, and a finding for each deviation that has disappeared.

        A deviation of the user's file that no longer occurs is a violation if the command names the file, else a
        non-strict finding. A shipped deviation may disappear silently: its library may have fixed it.
        """
        marked = self.mark(report.findings)
        findings = (*marked, *self._disappeared(marked, report.checks_run, was_tried))
        runs = tuple(_known_row(run, findings) for run in report.checks_run)
        return replace(report, findings=findings, checks_run=runs)

    def _marked(self, finding: Finding) -> Finding:
        """The finding, marked if it is known."""
        if finding.accepted is not None:
            return finding
        checks = {deviation.check for deviation in self.all}
        for deviation in self.all:
            # A finding is known only if everything that its cause breaks is known.
            if deviation.covers(finding) and set(also_broken(finding)) <= checks | set(deviation.implies):
                return replace(finding, accepted=deviation.explained(), library=deviation.library or None)
        return finding

    def _disappeared(self, findings: Iterable[Finding], runs: Iterable[CheckRun], was_tried: WasTried) -> list[Finding]:
        """Findings for the user's deviations that did not occur although their checks ran."""
        findings, runs = list(findings), list(runs)
        level = Level.VIOLATION if self.named else Level.NON_STRICT
        return [
            _disappeared(known, level, runs)
            for known in self.own
            if not known.intermittent
            and not any(known.shows_in(finding) for finding in findings)
            and was_tried(known.check, runs)
        ]

    def to_json(self) -> dict[str, Any]:
        """Return the deviations as JSON, to pass to another process."""
        own, shipped = ([asdict(known) for known in group] for group in (self.own, self.shipped))
        return {"own": own, "shipped": shipped, "named": self.named}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KnownDeviations:
        """The inverse of `to_json`."""
        own, shipped = (tuple(_deviation(row) for row in data[group]) for group in ("own", "shipped"))
        return cls(own, shipped, data["named"])


def _deviation(row: Mapping[str, Any]) -> Deviation:
    """A deviation from JSON."""
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Deviation(**values)


def _known_row(run: CheckRun, findings: Iterable[Finding]) -> CheckRun:
    """The check's row, as passed if all its findings, or those of its root cause, are known."""
    own = [finding for finding in findings if finding.check == (run.cause or run.check)]
    if run.verdict is not Verdict.INVALID or not own or verdict_of(own) is not Verdict.VALID:
        return run
    return replace(run, verdict=Verdict.VALID, reason="known deviation, accepted")


def _disappeared(deviation: Deviation, level: Level, runs: Iterable[CheckRun]) -> Finding:
    """The finding that a known deviation did not occur."""
    of_check = (run.chapter for run in runs if run.check == deviation.check)
    chapter = next(of_check, None) or chapter_of_section(deviation.section) or Chapter.CHANNELS
    return Finding(
        check=deviation.check,
        section=deviation.section,
        anomaly=Anomaly.PROTOCOL,
        level=level,
        explanation=(
            f"The known deviation no longer occurs. Remove it from the file of known deviations. "
            f"It was accepted because: {deviation.reason}"
        ),
        chapter=chapter,
        kind=kind_of(deviation.check, deviation.section),
    )
