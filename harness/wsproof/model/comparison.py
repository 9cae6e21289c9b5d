"""Comparison of two builds: a judgement per metric, and an overall one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from wsproof.model.finding import Finding, severity
from wsproof.model.schemas import COMPARE_SCHEMA
from wsproof.model.summary import TrustWarning

BLOCKS, WINDOWS = "blocks", "windows"
"""The two designs of a comparison."""


class Judgement(StrEnum):
    """The verdict on the candidate compared with the base."""

    SAME = "same"
    BETTER = "better"
    UNPAIRED = "unpaired"
    CANNOT_TELL = "cannot-tell"
    WORSE = "worse"


@dataclass(frozen=True)
class MetricComparison:
    """One metric of both builds.

    `ratio` = candidate / base with its 95 % confidence interval, `p` is adjusted (Holm). `floor` is the smallest effect
    that counts (0.05 = 5 %), `detectable` the smallest effect that these pairs could have shown. `base` and `candidate`
    are medians over blocks; `pairs` holds the values (base, candidate) of each pair.
    """

    metric: str
    unit: str
    better: str
    verdict: Judgement
    ratio: float | None
    ci_low: float | None
    ci_high: float | None
    floor: float
    p: float | None
    primary: bool = False
    base: float | None = None
    candidate: float | None = None
    detectable: float | None = None
    pairs: tuple[tuple[float, float], ...] = ()
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the row under `metrics` in wsproof.compare/1."""
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return row | {"verdict": self.verdict.value, "pairs": [list(pair) for pair in self.pairs]}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> MetricComparison:
        """The inverse of `to_json`."""
        values = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        pairs = tuple((base, candidate) for base, candidate in data.get("pairs", ()))
        return cls(**(values | {"verdict": Judgement(data["verdict"]), "pairs": pairs}))


@dataclass(frozen=True)
class RoundTrace:
    """The values of one metric in one life, round by round: all servers were alive, and were loaded in turn.

    `at_s` is when a round began, in seconds after the start of the comparison. `again` is the base's second process.
    """

    metric: str
    life: int
    at_s: tuple[float, ...]
    base: tuple[float | None, ...]
    candidate: tuple[float | None, ...]
    again: tuple[float | None, ...]

    def to_json(self) -> dict[str, Any]:
        """Return one row of `traces` in wsproof.compare/1."""
        return {
            name: list(value) if isinstance(value := getattr(self, name), tuple) else value
            for name in self.__dataclass_fields__
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RoundTrace:
        """The inverse of `to_json`."""
        columns = {name: tuple(data[name]) for name in ("at_s", "base", "candidate", "again")}
        return cls(data["metric"], data["life"], **columns)


@dataclass(frozen=True)
class Comparison:
    """The whole comparison. `findings` are violations of the candidate that the base does not have.

    `design` is `windows` (servers loaded in turn, and `pairs` counts lives) or `blocks`. `idle_share` is the share of a
    core that a connected server used while nobody was loaded, `loaded_share` that of a server while it was loaded.

    `spectra` holds the latency percentiles (`percentiles`, in %) of `base` and `candidate`: the `middle` of all lives,
    the lowest (`low`) and the highest (`high`). `differences` holds what else differs between the builds: `files`,
    `packages`, and the violations that are `fixed` or in `both`.
    """

    base: Mapping[str, Any]
    candidate: Mapping[str, Any]
    verdict: Judgement
    metrics: tuple[MetricComparison, ...]
    findings: tuple[Finding, ...] = ()
    warnings: tuple[TrustWarning, ...] = ()
    plan: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    pairs: int = 0
    order: str = ""
    started_utc: str = ""
    wall_s: float = 0.0
    design: str = BLOCKS
    traces: tuple[RoundTrace, ...] = ()
    idle_share: float | None = None
    loaded_share: float | None = None
    spectra: Mapping[str, Any] = field(default_factory=dict)
    differences: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as `wsproof.compare/1`."""
        return {
            "schema": COMPARE_SCHEMA,
            "verdict": self.verdict.value,
            "base": dict(self.base),
            "candidate": dict(self.candidate),
            "metrics": [metric.to_json() for metric in self.metrics],
            "findings": [finding.to_json() for finding in sorted(self.findings, key=severity)],
            "warnings": [warning.to_json() for warning in self.warnings],
            "plan": dict(self.plan),
            "seed": self.seed,
            "pairs": self.pairs,
            "order": self.order,
            "started_utc": self.started_utc,
            "wall_s": self.wall_s,
            "design": self.design,
            "traces": [trace.to_json() for trace in self.traces],
            "idle_share": self.idle_share,
            "loaded_share": self.loaded_share,
            "spectra": dict(self.spectra),
            "differences": dict(self.differences),
        }
