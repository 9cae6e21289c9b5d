"""The result of the users of one workload, as a worker sends it to the master."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from wsproof.load.judging import JudgedMeasurement
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model.finding import Finding, verdict_of
from wsproof.model.load_summary import WorkloadLoad
from wsproof.model.measurement import Measurement
from wsproof.report.charts.series import series_of
from wsproof.stats.objective import ObjectiveResult


@dataclass(frozen=True)
class WorkloadResult:
    """The users of one workload: their figures, and the findings.

    `measurement` is what they measured; None in the master of several processes.
    """

    load: WorkloadLoad
    findings: tuple[Finding, ...]
    measurement: Measurement | None = field(default=None, repr=False)
    objectives: tuple[ObjectiveResult, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the result as a worker sends it to the master."""
        return {"load": self.load.to_json(), "findings": [finding.to_json() for finding in self.findings]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> WorkloadResult:
        """The inverse of `to_json`."""
        findings = tuple(Finding.from_json(finding) for finding in data["findings"])
        return cls(WorkloadLoad.from_json(data["load"]), findings)


def describe(run: WorkloadRun, judged: JudgedMeasurement) -> WorkloadResult:
    """The result of one workload run, with metrics and trust warnings."""
    result = result_of(run, judged.findings)
    load = replace(result.load, metrics=judged.metrics, warnings=judged.warnings, series=series_of(judged.measurement))
    return replace(result, load=load, measurement=judged.measurement)


def result_of(run: WorkloadRun, findings: Sequence[Finding]) -> WorkloadResult:
    """The result of one workload run, without metrics and trust warnings."""
    load = WorkloadLoad(
        workload=run.workload.name,
        users=len(run.members),
        rate_hz=run.rate_hz if run.workload.publishes else None,
        published=len(run.recorder.publications.data["publisher"]),
        verdict=verdict_of(findings),
        stamps=run.stamps.clock,
    )
    return WorkloadResult(load, tuple(findings))
