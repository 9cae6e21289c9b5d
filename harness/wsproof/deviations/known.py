"""What is known of one server, and the one place where findings are judged against it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from wsproof.deviations.deviation import Deviation, also_broken
from wsproof.model.finding import Anomaly, Finding, Level, Verdict, verdict_of
from wsproof.model.suite import CheckRun, SuiteReport

__all__ = ["KnownDeviations"]

WasTried = Callable[[str, Iterable[CheckRun]], bool]
"""Whether a check was run, and could tell."""


@dataclass(frozen=True)
class KnownDeviations:
    """What is known of a server. `own` comes from the user's file, `shipped` from the files that wsproof brings.

    `named`: the command names the user's file, so the user vouches for it.
    """

    own: tuple[Deviation, ...] = ()
    shipped: tuple[Deviation, ...] = ()
    named: bool = False

    @property
    def all(self) -> tuple[Deviation, ...]:
        """All of them; the user's own come first."""
        return (*self.own, *self.shipped)

    def mark(self, findings: Iterable[Finding]) -> tuple[Finding, ...]:
        """The findings; those that are known carry the reason, and no longer count."""
        return tuple(self._marked(finding) for finding in findings)

    def judge(self, report: SuiteReport, was_tried: WasTried) -> SuiteReport:
        """A suite's report with its known findings marked, and a finding for each deviation that has disappeared.

        A deviation of the user's file that no longer shows is a violation where the command names the file, else it is
        non-strict. One of the shipped files is not missed: its library may have mended it.
        """
        marked = self.mark(report.findings)
        findings = (*marked, *self._gone(marked, report.checks_run, was_tried))
        runs = tuple(_known_row(run, findings) for run in report.checks_run)
        return replace(report, findings=findings, checks_run=runs)

    def _marked(self, finding: Finding) -> Finding:
        if finding.accepted is not None:
            return finding
        checks = {known.check for known in self.all}
        for known in self.all:
            # An unknown fault must not hide behind the known cause of it.
            if known.covers(finding) and set(also_broken(finding)) <= checks | set(known.implies):
                return replace(finding, accepted=known.explained(), library=known.library or None)
        return finding

    def _gone(self, findings: Iterable[Finding], runs: Iterable[CheckRun], was_tried: WasTried) -> list[Finding]:
        findings, runs = list(findings), list(runs)
        level = Level.VIOLATION if self.named else Level.NON_STRICT
        return [
            _gone(known, level)
            for known in self.own
            if not known.intermittent
            and not any(known.shows_in(finding) for finding in findings)
            and was_tried(known.check, runs)
        ]

    def to_json(self) -> dict[str, Any]:
        """For another process."""
        own, shipped = ([asdict(known) for known in group] for group in (self.own, self.shipped))
        return {"own": own, "shipped": shipped, "named": self.named}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> KnownDeviations:
        """The inverse of `to_json`."""
        own, shipped = (tuple(_deviation(row) for row in data[group]) for group in ("own", "shipped"))
        return cls(own, shipped, data["named"])


def _deviation(row: Mapping[str, Any]) -> Deviation:
    values: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    return Deviation(**values)


def _known_row(run: CheckRun, findings: Iterable[Finding]) -> CheckRun:
    """A check all of whose findings are known no longer fails, nor one that fails of the same cause."""
    own = [finding for finding in findings if finding.check == (run.cause or run.check)]
    if run.verdict is not Verdict.INVALID or not own or verdict_of(own) is not Verdict.VALID:
        return run
    return replace(run, verdict=Verdict.VALID, reason="known deviation, accepted")


def _gone(known: Deviation, level: Level) -> Finding:
    return Finding(
        check=known.check,
        section=known.section,
        anomaly=Anomaly.PROTOCOL,
        level=level,
        explanation=(
            f"The accepted deviation did not show any more. Remove it from the file of known deviations. "
            f"It was accepted because: {known.reason}"
        ),
    )
