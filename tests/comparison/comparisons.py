"""Comparisons, made by hand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from wsproof import Comparison, Finding
from wsproof.model.comparison import Judgement, MetricComparison


def row(metric: str, verdict: Judgement, ratio: float = 1.0) -> MetricComparison:
    """Return a judged metric."""
    return MetricComparison(metric, "ns", "lower", verdict, ratio, ratio * 0.99, ratio * 1.01, 0.05, 0.5, primary=True)


def comparison(*, findings: Iterable[Finding] = (), **verdicts: Judgement) -> Comparison:
    """Return a comparison with these verdicts on metrics."""
    order = (Judgement.WORSE, Judgement.CANNOT_TELL, Judgement.BETTER, Judgement.SAME)
    violations = tuple(findings)
    verdict = (
        Judgement.WORSE
        if violations
        else next((judgement for judgement in order if judgement in verdicts.values()), Judgement.SAME)
    )
    facts: dict[str, Any] = {"base": {"ref": "main"}, "candidate": {"ref": "feature"}, "findings": violations}
    return Comparison(verdict=verdict, metrics=tuple(row(*judgement) for judgement in verdicts.items()), **facts)
