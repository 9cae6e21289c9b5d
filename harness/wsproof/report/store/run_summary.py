"""The part of a run record that an index needs: what ran where, the verdict, and one number per metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from wsproof.errors import UsageError
from wsproof.model.finding import Verdict
from wsproof.model.plan import COMPARABLE_FIELDS, Plan
from wsproof.model.schemas import OLD_RUN_SCHEMA, RUN_SCHEMA
from wsproof.model.type_check import require_types
from wsproof.report.text.run import target_of_facts
from wsproof.stats.compared_metrics import ASPECTS
from wsproof.stats.metrics import METRICS_BY_NAME

__all__ = ["RunFigure", "RunSummary"]

WRONG = (KeyError, ValueError, TypeError, AttributeError)
"""What a document raises that is no run record."""
GIB = 1 << 30
_SIZES = {
    "subscribers": "subscriber",
    "publishers": "publisher",
    "rate_hz": "per second",
    "duration_s": "s",
    "payload_bytes": "B",
    "processes": "process",
}
"""The numbers that every setup shows, and their units."""
_USUAL = Plan().to_json()


@dataclass(frozen=True)
class RunFigure:
    """One number of a run. A void one would be different without what the load generator did."""

    value: float
    unit: str
    better: str
    is_void: bool


@dataclass(frozen=True)
class RunSummary:
    """A run without its findings, checks and series.

    `figures` has the metrics that comparisons use, by their names there ("latency_p99"), and all metrics that only
    other tools know. Runs can be compared if they are equal in `machine`, `target` and `setup`.
    """

    command: str
    started_utc: str
    complete: bool
    verdict: Verdict
    trusted: bool
    branch: str | None
    """The branch; None outside a repository and on a detached HEAD."""
    sha: str | None
    dirty: bool
    machine: str
    """The processor, its cores, memory and architecture; empty if the record lacks the processor or the cores."""
    target: str
    setup: str
    figures: Mapping[str, RunFigure]

    @property
    def commit(self) -> str:
        """The short commit, marked if there were uncommitted changes; empty outside a repository."""
        short = (self.sha or "")[:9]
        return f"{short} + changes" if short and self.dirty else short

    def to_json(self) -> dict[str, Any]:
        """The summary as kept in the cache."""
        return asdict(self) | {"figures": {name: list(vars(one).values()) for name, one in self.figures.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RunSummary:
        """The inverse of `to_json`.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: `data` is something else.
        """
        figures = {name: RunFigure(float(row[0]), *row[1:]) for name, row in data["figures"].items()}
        return cls(**{**data, "verdict": Verdict(data["verdict"]), "figures": figures})


def summary_of_record(name: str, data: Mapping[str, Any]) -> RunSummary:
    """The summary of a run record, of any version, as JSON. `name` is that of the run, for the message.

    Raises:
        UsageError: the document is no record of a known version, or lacks a field, or one has a wrong type.
    """
    try:
        if data["schema"] not in (RUN_SCHEMA, OLD_RUN_SCHEMA):
            raise ValueError(f"expected a record of schema {RUN_SCHEMA}, got {data['schema']!r}")
        git = data["git"]
        summary = RunSummary(
            command=data["command"],
            started_utc=data["started_utc"],
            complete=data["complete"],
            verdict=Verdict(data["verdict"]),
            trusted=data["trusted"],
            branch=git.get("branch"),
            sha=git.get("sha"),
            dirty=git.get("dirty") is True,
            machine=_machine(data["machine"]),
            target=target_of_facts(data["target"]),
            setup=_setup(data["plan"], data["target"]),
            figures=dict(_figures(data["metrics"])),
        )
        require_types(summary)
    except WRONG as error:
        problem = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
        raise UsageError(f"cannot read {name}/run.json: {problem}") from error
    return summary


def _machine(facts: Mapping[str, Any]) -> str:
    cpu, cores, usable = facts.get("cpu"), facts.get("cores"), facts.get("cores_usable")
    if not cpu or not cores:
        return ""
    memory = f"{facts['memory_bytes'] / GIB:.0f} GiB" if facts.get("memory_bytes") else ""
    used = f"{usable} of {cores} cores" if usable not in (None, cores) else f"{cores} core{'s' if cores != 1 else ''}"
    return ", ".join(str(part) for part in (cpu, used, memory, facts.get("arch")) if part)


def _setup(plan: Mapping[str, Any], target: Mapping[str, Any]) -> str:
    """The load: its size, what differs from the defaults, and where it goes.

    The port of a server that wsproof started is left out, because it differs from run to run.
    """
    size = (_counted(plan[name], unit) for name, unit in _SIZES.items() if isinstance(plan.get(name), int | float))
    rest = (
        f"{name.replace('_', ' ')} {plan[name]}"
        for name in COMPARABLE_FIELDS
        if plan.get(name) is not None and name not in _SHOWN and plan[name] != _USUAL.get(name)
    )
    place = (f"{name} {target[name]}" for name in ("channels", "path") if target.get(name))
    return ", ".join(part for part in (plan.get("workload"), *size, *rest, *place) if part)


_SHOWN = ("workload", *_SIZES)


def _counted(number: float, unit: str) -> str:
    plural = {"subscriber": "s", "publisher": "s", "process": "es"}.get(unit, "") if number != 1 else ""
    return f"{number:g} {unit}{plural}"


def _figures(metrics: Mapping[str, Any]) -> Iterator[tuple[str, RunFigure]]:
    for aspect in ASPECTS:
        if aspect.metric.name in metrics:
            yield from _figure(aspect.name, metrics[aspect.metric.name], aspect.statistic)
    for name, row in metrics.items():
        if name not in METRICS_BY_NAME:
            yield from _figure(name, row, "value")


def _figure(name: str, row: Mapping[str, Any], statistic: str) -> Iterator[tuple[str, RunFigure]]:
    if row.get(statistic) is not None:
        yield name, RunFigure(row[statistic], row["unit"], row["better"], statistic in row.get("void", {}))
