"""Run record: the data of one run, as stored in `run.json`.

History of the format
    wsproof.run/1   2026-11   the first: verdict, trust, target, git, machine, plan, metrics, findings, warnings, parts.
                              Added: parts.capacity; plan: loop, in_flight, sizes, connect_hz, steps, deflate.
                              Added: void in each metric, figures in each warning, parts.measured_again.
    wsproof.run/2   2026-11   `parts` has become one field each. Each finding appears once, under `findings`, and `part`
                              says what found it. `capacity.trials` is `capacity.runs`, `said` is `sentence`.
                              Added: faults, reconnect_storm.

Records of every version can be read (`record_upgrade`). Only the last one is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wsproof.model.bench_record import ChartSeries, GeneratorSetup, MixedLoad, ObjectiveOutcome, SecondMeasurement
from wsproof.model.capacity import CapacityRecord
from wsproof.model.fault_record import FaultsRecord, StormRecord
from wsproof.model.finding import Finding, Verdict, severity
from wsproof.model.load_summary import LoadSummary
from wsproof.model.record_upgrade import upgraded
from wsproof.model.schemas import RUN_SCHEMA
from wsproof.model.suite import SuiteReport
from wsproof.model.summary import Summary, TrustWarning

IMPORTED = "import"
"""The command of a record that another tool measured."""
_OPTIONAL = {
    "generator": GeneratorSetup,
    "measured_again": SecondMeasurement,
    "mix": MixedLoad,
    "series": ChartSeries,
    "load": LoadSummary,
    "capacity": CapacityRecord,
    "faults": FaultsRecord,
    "reconnect_storm": StormRecord,
}
"""The types of the fields that only some commands set."""
_OF_THE_RECORD = ("schema", "target", "findings")
"""Fields of a check report that the record holds for all its parts."""


@dataclass(frozen=True)
class RunRecord:
    """The record of one run.

    `command` is the wsproof command that made it. `complete` is False in a record that was written during the run, or
    after an interruption. The fields below `complete` are None or empty unless the command sets them.
    """

    id: str
    command: str
    started_utc: str
    target: Mapping[str, Any] = field(default_factory=dict)
    git: Mapping[str, Any] = field(default_factory=dict)
    machine: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    verdict: Verdict = Verdict.UNKNOWN
    trusted: bool = False
    metrics: Mapping[str, Summary] = field(default_factory=dict)
    warnings: tuple[TrustWarning, ...] = ()
    wall_s: float = 0.0
    complete: bool = False
    check: SuiteReport | None = None
    """The report of both suites, with their findings."""
    measured_findings: tuple[Finding, ...] = ()
    """Findings of measurements under load. `findings` has those of the check, too."""
    objectives: tuple[ObjectiveOutcome, ...] = ()
    generator: GeneratorSetup | None = None
    measured_again: SecondMeasurement | None = None
    mix: MixedLoad | None = None
    series: ChartSeries | None = None
    load: LoadSummary | None = None
    capacity: CapacityRecord | None = None
    faults: FaultsRecord | None = None
    reconnect_storm: StormRecord | None = None
    server_log: str | None = None
    """The file with the output of a server that wsproof started, in the directory of the run."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """All findings, each once: those of the check, then those of the measurements."""
        return (self.check.findings if self.check is not None else ()) + self.measured_findings

    def but(self, **changes: Any) -> RunRecord:
        """Return this record with some fields changed."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return the record as stored in `run.json` (`wsproof.run/2`)."""
        return {
            "schema": RUN_SCHEMA,
            "id": self.id,
            "command": self.command,
            "started_utc": self.started_utc,
            "complete": self.complete,
            "wall_s": self.wall_s,
            "verdict": self.verdict.value,
            "trusted": self.trusted,
            "target": dict(self.target),
            "git": dict(self.git),
            "machine": dict(self.machine),
            "plan": dict(self.plan),
            "metrics": {name: summary.to_json() for name, summary in self.metrics.items()},
            "findings": self._findings_json(),
            "warnings": [warning.to_json() for warning in self.warnings],
            "check": self._check_json(),
            "objectives": [objective.to_json() for objective in self.objectives],
            **{name: _json_of(getattr(self, name)) for name in _OPTIONAL},
            "server_log": self.server_log,
        }

    def _check_json(self) -> dict[str, Any] | None:
        """The check without the fields that the record itself holds."""
        if self.check is None:
            return None
        return {name: value for name, value in self.check.to_json().items() if name not in _OF_THE_RECORD}

    def _findings_json(self) -> list[dict[str, Any]]:
        checked = self.check.findings if self.check is not None else ()
        parts = [("check", finding) for finding in checked]
        parts += [("measurement", finding) for finding in self.measured_findings]
        return [finding.to_json() | {"part": part} for part, finding in sorted(parts, key=lambda row: severity(row[1]))]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunRecord:
        """The inverse of `to_json`, for records of every version.

        Raises:
            ValueError: `data` has an unknown schema, or is not a run record.
        """
        data = upgraded(data)
        if data.get("schema") != RUN_SCHEMA:
            raise ValueError(f"expected a record of schema {RUN_SCHEMA}, got {data.get('schema')!r}")
        rows = data["findings"]
        shared = {"target": data["target"], "findings": [row for row in rows if row["part"] == "check"]}
        return cls(
            id=data["id"],
            command=data["command"],
            started_utc=data["started_utc"],
            target=data["target"],
            git=data["git"],
            machine=data["machine"],
            plan=data["plan"],
            verdict=Verdict(data["verdict"]),
            trusted=data["trusted"],
            metrics={name: Summary.from_json(summary) for name, summary in data["metrics"].items()},
            warnings=tuple(TrustWarning.from_json(warning) for warning in data["warnings"]),
            wall_s=data["wall_s"],
            complete=data["complete"],
            check=SuiteReport.from_json(data["check"] | shared) if data["check"] is not None else None,
            measured_findings=tuple(Finding.from_json(row) for row in rows if row["part"] != "check"),
            objectives=tuple(ObjectiveOutcome.from_json(row) for row in data["objectives"]),
            **{name: _value_of(kind, data.get(name)) for name, kind in _OPTIONAL.items()},
            server_log=data["server_log"],
        )


def _json_of(value: Any) -> dict[str, Any] | None:
    document: dict[str, Any] | None = None if value is None else value.to_json()
    return document


def _value_of(kind: Any, data: Mapping[str, Any] | None) -> Any:
    return None if data is None else kind.from_json(data)
