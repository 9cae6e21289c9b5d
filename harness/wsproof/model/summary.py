"""Metrics of a run, and the warnings that say which of their figures deserve trust."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wsproof.model.former_names import FORMER_WARNINGS


@dataclass(frozen=True)
class Void:
    """The reason why a figure is invalid: the code of the warning, and a sentence.

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
        return cls(_current_code(data), data["reason"], data.get("without"))


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
    """A reason to trust a number less, with advice.

    `invalidates`: some figures are invalid because of it. `figures` names them: a whole metric ("latency"), or one of
    its statistics ("latency.p99").
    """

    code: str
    message: str
    advice: str
    invalidates: bool = False
    figures: tuple[str, ...] = ()

    @property
    def voids_medians(self) -> bool:
        """Whether a whole metric is invalid, or the median of one: then not even the headline figure stands."""
        return self.invalidates and any("." not in figure or figure.endswith(".p50") for figure in self.figures)

    def to_json(self) -> dict[str, Any]:
        """Return the entry under `warnings`."""
        return {
            "code": self.code,
            "message": self.message,
            "advice": self.advice,
            "voids": self.invalidates,
            "figures": list(self.figures),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrustWarning:
        """The inverse of `to_json`."""
        figures = tuple(data.get("figures", ()))
        return cls(_current_code(data), data["message"], data["advice"], data["voids"], figures)


def _current_code(data: Mapping[str, Any]) -> str:
    """Return the current code of a warning in a record."""
    code: str = data["code"]
    return FORMER_WARNINGS.get(code, code)
