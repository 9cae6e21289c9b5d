"""Comparison of two stored runs.

The runs were not interleaved, so nothing is judged: every metric is *unpaired*.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wsproof.comparison.evidence import new_violations
from wsproof.errors import UsageError
from wsproof.model.comparison import Comparison, Judgement, MetricComparison
from wsproof.model.plan import COMPARABLE_FIELDS
from wsproof.model.record import RunRecord
from wsproof.model.summary import Summary, TrustWarning
from wsproof.stats.compared_metrics import ASPECTS, ComparedMetric

SAME_IN_BOTH = {"plan": COMPARABLE_FIELDS, "target": ("server",)}
"""Conditions that must be equal in both runs for their numbers to be comparable."""


def compare_runs(base: RunRecord, candidate: RunRecord) -> Comparison:
    """Compute both runs' numbers and their ratios, for information. The verdict is always *unpaired*.

    Loads of several workloads are compared workload by workload, since their figures do not add up.

    Raises:
        UsageError: the runs have no figure in common, or measured different workloads.
    """
    rows = tuple(_rows(base, candidate))
    _require_comparable(base, candidate, rows)
    return Comparison(
        base=_described(base),
        candidate=_described(candidate),
        verdict=Judgement.UNPAIRED,
        metrics=rows,
        findings=new_violations(base.findings, candidate.findings),
        warnings=tuple(_warnings(base, candidate)),
        plan=candidate.plan,
        started_utc=candidate.started_utc,
    )


def _require_comparable(base: RunRecord, candidate: RunRecord, rows: Sequence[MetricComparison]) -> None:
    if not any(row.base is not None and row.candidate is not None for row in rows):
        raise UsageError(
            f"the runs {base.id} ({base.command}) and {candidate.id} ({candidate.command}) have no figure in common. "
            "Compare two runs of `wsproof bench`, or two of `wsproof load`."
        )


def _rows(base: RunRecord, candidate: RunRecord) -> Iterator[MetricComparison]:
    by_workload = any(run.load is not None and len(run.load.rooms) > 1 for run in (base, candidate))
    left, right = (_measured(run, by_workload=by_workload) for run in (base, candidate))
    for workload in dict.fromkeys([*left, *right]):
        for aspect in ASPECTS:
            row = _row(workload, aspect, left.get(workload, {}), right.get(workload, {}))
            if row is not None:
                yield row


def _measured(run: RunRecord, *, by_workload: bool) -> dict[str, Mapping[str, Summary]]:
    """The metrics of a run by workload; under "" if only one workload is compared."""
    if by_workload and run.load is not None:
        return {room.workload: room.metrics for room in run.load.rooms}
    return {"": run.metrics}


def _row(
    workload: str, aspect: ComparedMetric, base: Mapping[str, Summary], candidate: Mapping[str, Summary]
) -> MetricComparison | None:
    left, right = aspect.of(base), aspect.of(candidate)
    if left is None and right is None:
        return None
    return MetricComparison(
        metric=f"{workload}: {aspect.name}" if workload else aspect.name,
        unit=aspect.metric.unit,
        better=aspect.metric.better,
        verdict=Judgement.UNPAIRED,
        ratio=right / left if left and right else None,
        ci_low=None,
        ci_high=None,
        floor=aspect.floor,
        p=None,
        primary=aspect.primary,
        base=left,
        candidate=right,
    )


def _warnings(base: RunRecord, candidate: RunRecord) -> Iterator[TrustWarning]:
    yield TrustWarning(
        "unpaired",
        "The two runs were not interleaved: between them the machine may have changed more than the code did.",
        "For a verdict compare the two refs: `wsproof compare BASE CANDIDATE`.",
    )
    different = [*_differences(base, candidate), *_machines(base, candidate)]
    if different:
        yield TrustWarning(
            "circumstances",
            f"The runs differ in more than the code: {'; '.join(different)}.",
            "Measure again under the same conditions before you interpret the ratios.",
        )
    for name, run in (("base", base), ("candidate", candidate)):
        if not run.trusted or not run.complete:
            state = "untrusted" if run.complete else "incomplete"
            yield TrustWarning(f"{state}-{name}", f"The {name} run is {state}.", f"`wsproof report {run.id}` says why.")


def _differences(base: RunRecord, candidate: RunRecord) -> Iterator[str]:
    for part, keys in SAME_IN_BOTH.items():
        left: Mapping[str, Any] = getattr(base, part)
        right: Mapping[str, Any] = getattr(candidate, part)
        for key in keys:
            if left.get(key) != right.get(key):
                yield f"{part} {key} {left.get(key)} and {right.get(key)}"


def _machines(base: RunRecord, candidate: RunRecord) -> Iterator[str]:
    if base.machine and candidate.machine:
        keys = [key for key in base.machine if base.machine[key] != candidate.machine.get(key)]
        if keys:
            yield f"machine ({', '.join(keys)})"


def _described(run: RunRecord) -> dict[str, Any]:
    return {"run": run.id, "sha": run.git.get("sha"), "branch": run.git.get("branch"), "started_utc": run.started_utc}
