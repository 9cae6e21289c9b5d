"""Run record: the data of one run, as stored in `run.json`.

History of the format
    wsproof.run/1   2026-11   the first: verdict, trust, target, git, machine, plan, metrics, findings, warnings, parts.
                              Added: parts.capacity; plan: loop, in_flight, sizes, connect_hz, steps, deflate.
                              Added: void in each metric, figures in each warning, parts.measured_again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from wsproof.model.finding import Finding, Verdict, severity

RUN_SCHEMA = "wsproof.run/1"
CHECK_SCHEMA = "wsproof.check/1"
COMPARE_SCHEMA = "wsproof.compare/1"
BENCHES_SCHEMA = "wsproof.benches/1"


@dataclass(frozen=True)
class Void:
    """Why a figure is invalid: the code of the warning, and a sentence.

    `without` is the figure without the load generator's contribution; None if that is unknown.
    """

    code: str
    reason: str
    without: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `void` in a metric."""
        return {"code": self.code, "reason": self.reason, "without": self.without}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Void:
        """The inverse of `to_json`."""
        return cls(data["code"], data["reason"], data.get("without"))


@dataclass(frozen=True)
class Summary:
    """One metric over one run. Samples are merged first; percentiles are never averaged.

    `value` is the headline: the median of the samples, or the number itself for a metric with one value. `void` maps
    each invalid statistic ("p99") to the reason. All other statistics are valid.
    """

    unit: str
    better: str
    n: int
    value: float | None
    mean: float | None = None
    min: float | None = None
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    p999: float | None = None
    max: float | None = None
    void: Mapping[str, Void] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `metrics` in a run record."""
        return {
            "unit": self.unit,
            "better": self.better,
            "n": self.n,
            "value": self.value,
            "mean": self.mean,
            "min": self.min,
            "p50": self.p50,
            "p90": self.p90,
            "p99": self.p99,
            "p999": self.p999,
            "max": self.max,
            "void": {statistic: void.to_json() for statistic, void in self.void.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Summary:
        """The inverse of `to_json`."""
        numbers = {name: data.get(name) for name in ("value", "mean", "min", "p50", "p90", "p99", "p999", "max")}
        void = {statistic: Void.from_json(reason) for statistic, reason in data.get("void", {}).items()}
        return cls(data["unit"], data["better"], data["n"], **numbers, void=void)


@dataclass(frozen=True)
class TrustWarning:
    """Why a number deserves less trust, and what to do about it.

    `voids`: some figures are invalid because of it. `figures` names them: a whole metric ("latency"), or one of its
    statistics ("latency.p99").
    """

    code: str
    message: str
    advice: str
    voids: bool = False
    figures: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `warnings`."""
        return {
            "code": self.code,
            "message": self.message,
            "advice": self.advice,
            "voids": self.voids,
            "figures": list(self.figures),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrustWarning:
        """The inverse of `to_json`."""
        figures = tuple(data.get("figures", ()))
        return cls(data["code"], data["message"], data["advice"], data["voids"], figures)


@dataclass(frozen=True)
class RunRecord:
    """The record of one run.

    `command` is the wsproof command that made it. `parts` holds what commands add ("check": a wsproof.check/1 document,
    "load": a summary of Locust's run, "capacity": the runs of a search and its result). `complete` is False in a record
    that was written during the run, or after an interruption.
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
    findings: tuple[Finding, ...] = ()
    warnings: tuple[TrustWarning, ...] = ()
    parts: Mapping[str, Any] = field(default_factory=dict)
    complete: bool = False
    wall_s: float = 0.0

    def but(self, **changes: Any) -> RunRecord:
        """Return this record with some fields changed."""
        return replace(self, **changes)

    def to_json(self) -> dict[str, Any]:
        """Return the record as stored in `run.json` (`wsproof.run/1`)."""
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
            "findings": [finding.to_json() for finding in sorted(self.findings, key=severity)],
            "warnings": [warning.to_json() for warning in self.warnings],
            "parts": dict(self.parts),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunRecord:
        """The inverse of `to_json`.

        Raises:
            ValueError: `data` has another schema, or is not a run record.
        """
        if data.get("schema") != RUN_SCHEMA:
            raise ValueError(f"expected a record of schema {RUN_SCHEMA}, got {data.get('schema')!r}")
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
            findings=tuple(Finding.from_json(finding) for finding in data["findings"]),
            warnings=tuple(TrustWarning.from_json(warning) for warning in data["warnings"]),
            parts=data["parts"],
            complete=data["complete"],
            wall_s=data["wall_s"],
        )
