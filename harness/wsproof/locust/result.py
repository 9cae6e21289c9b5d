"""The result of the users of one workload."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from wsproof.load.judging import JudgedMeasurement
from wsproof.locust.measured_run import MeasuredRun
from wsproof.model.finding import Anomaly, Finding, Level, Verdict, verdict_of
from wsproof.model.load_summary import WorkloadLoad
from wsproof.model.measurement import Measurement
from wsproof.report.charts.series import series_of
from wsproof.stats.objective import ObjectiveResult
from wsproof.stats.recovery import recovery_of, users_cut_off


@dataclass(frozen=True)
class WorkloadResult:
    """The users of one workload: their figures, and the findings.

    `measurement` is what they measured; None if nothing is known of them.
    """

    load: WorkloadLoad
    findings: tuple[Finding, ...]
    measurement: Measurement | None = field(default=None, repr=False)
    objectives: tuple[ObjectiveResult, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the result of a crash, as a worker sends it to the master."""
        return {"load": self.load.to_json(), "findings": [finding.to_json() for finding in self.findings]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> WorkloadResult:
        """The inverse of `to_json`."""
        findings = tuple(Finding.from_json(finding) for finding in data["findings"])
        return cls(WorkloadLoad.from_json(data["load"]), findings)


def describe(run: MeasuredRun, judged: JudgedMeasurement) -> WorkloadResult:
    """The result of one workload run, with metrics and trust warnings."""
    plan, history = run.measurement.plan, run.measurement.history
    load = WorkloadLoad(
        workload=plan.workload,
        users=plan.subscribers,
        rate_hz=plan.rate_hz if plan.publishers else None,
        published=len(history.publications),
        verdict=verdict_of_users(judged.findings, run.measurement),
        stamps=run.measurement.generator.stamps.clock,
        metrics=judged.metrics,
        warnings=judged.warnings,
        series=series_of(judged.measurement),
        recovery=recovery_of(history),
    )
    return WorkloadResult(load, judged.findings, run.measurement)


def verdict_of_users(findings: Sequence[Finding], measurement: Measurement | None, *, strict: bool = False) -> Verdict:
    """The verdict of the findings. Unknown without a violation if the server has ended connections for good.

    Nothing is known of what these users would have received.
    """
    verdict = verdict_of(findings, strict=strict)
    is_cut = measurement is not None and users_cut_off(measurement.history) > 0
    return Verdict.UNKNOWN if verdict is Verdict.VALID and is_cut else verdict


def crashed(workload: str, users: int, fault: Exception) -> WorkloadResult:
    """The result of users about whom nothing is known, because wsproof crashed."""
    explanation = f"wsproof crashed while it judged, so nothing is known: {type(fault).__name__}: {fault}"
    finding = Finding("no-verdict", workload, Anomaly.UNKNOWN, Level.INFORMATIONAL, explanation)
    return WorkloadResult(WorkloadLoad(workload, users), (finding,))
