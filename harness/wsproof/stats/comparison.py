"""When a comparison says worse, better, same, or cannot tell.

Per judged metric, with p adjusted by Holm over the judged metrics and estimate and interval on paired log-ratios:

- *worse*: adjusted p < 0.05, and the estimate is beyond the floor (5 %, a property of the metric) in the bad direction;
- *better*: its mirror;
- *same*: the 95 % interval lies within the floor;
- *cannot tell*: anything else, with the smallest effect that these pairs could have shown.

Below eight pairs a two-sided sign flip cannot convict after Holm (2 / 2^7 x 4 = 0.06), so only *same* and *cannot tell*
are left.

Identical code is measured beside it (A/A pairs: base against base), and each metric has to live with what it showed:

- The A/A interval excludes 1 by more than the floor (at 99.9 %): the harness itself is biased in this metric, which is
  vetoed: *cannot tell*.
- The A/A interval (95 %) reaches further than the floor: this machine moves the metric that far by itself, so its
  *effective floor* becomes the far end of that interval: *worse* and *better* must go beyond it. So latency p99 on a
  noisy machine no longer convicts on 8 %, and still convicts on a factor of five. *same* keeps the declared floor.

All metrics together: *worse* when any judged metric is worse. *same* when all are the same. *better* when at least one
is better and all others are better or the same: "better, but we do not know about p99" is no ground to merge on. Else
*cannot tell*. Metrics that are not judged are shown with ratio and interval, as *same* or *cannot tell*, without p.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import exp, expm1, isinf, log1p
from statistics import median

from wsproof.model.comparison import Judgement, MetricComparison
from wsproof.stats.compared_metrics import ASPECTS, ComparedMetric
from wsproof.stats.paired import Evidence, Pair, weigh
from wsproof.stats.permutation import holm

FEWEST_PAIRS = 8
ALPHA = 0.05


def judge(
    pairs: Mapping[str, Sequence[Pair]],
    identical: Mapping[str, Sequence[Pair]] | None = None,
    *,
    aspects: Sequence[ComparedMetric] = ASPECTS,
    seed: int = 0,
) -> tuple[MetricComparison, ...]:
    """A judgement per aspect for which there are pairs, by the aspect's name; the judged ones first."""
    identical = identical or {}
    present = sorted((aspect for aspect in aspects if pairs.get(aspect.name)), key=lambda aspect: not aspect.primary)
    weighed = {aspect.name: weigh(pairs[aspect.name], identical.get(aspect.name, ()), seed=seed) for aspect in present}
    judged = {
        aspect.name: evidence for aspect in present if aspect.primary and (evidence := weighed[aspect.name]) is not None
    }
    adjusted = dict(zip(judged, holm([evidence.p for evidence in judged.values()]), strict=True))
    return tuple(
        _compare(aspect, pairs[aspect.name], weighed[aspect.name], adjusted.get(aspect.name), len(judged))
        for aspect in present
    )


def overall(metrics: Iterable[MetricComparison]) -> Judgement:
    """One judgement for all judged metrics, by the rule above."""
    verdicts = [metric.verdict for metric in metrics if metric.primary]
    if Judgement.WORSE in verdicts:
        return Judgement.WORSE
    if not verdicts or Judgement.CANNOT_TELL in verdicts:
        return Judgement.CANNOT_TELL
    return Judgement.BETTER if Judgement.BETTER in verdicts else Judgement.SAME


def _compare(
    aspect: ComparedMetric, pairs: Sequence[Pair], evidence: Evidence | None, adjusted: float | None, tests: int
) -> MetricComparison:
    verdict, note = _verdict(aspect, evidence, adjusted)
    detectable = None
    if evidence is not None and aspect.primary:
        smallest = evidence.detectable(_effective_floor(aspect, evidence), tests)
        detectable = None if isinf(smallest) else expm1(smallest)
    span = None if evidence is None else evidence.span
    return MetricComparison(
        metric=aspect.name,
        unit=aspect.metric.unit,
        better=aspect.metric.better,
        verdict=verdict,
        ratio=None if evidence is None else exp(evidence.estimate),
        ci_low=None if span is None else exp(span.low),
        ci_high=None if span is None else exp(span.high),
        floor=aspect.metric.floor,
        p=adjusted,
        primary=aspect.primary,
        base=median(base for base, _ in pairs),
        candidate=median(candidate for _, candidate in pairs),
        detectable=detectable,
        pairs=tuple(pairs),
        note=note,
    )


def _verdict(aspect: ComparedMetric, evidence: Evidence | None, adjusted: float | None) -> tuple[Judgement, str]:
    if evidence is None:
        return Judgement.CANNOT_TELL, "no pair has a value above zero on both sides"
    floor = log1p(aspect.metric.floor)
    if evidence.bias is not None and evidence.bias.beyond(floor):
        return Judgement.CANNOT_TELL, f"vetoed: base against base differed too ({_percent(evidence.bias.extent)})"
    if evidence.span is not None and evidence.span.extent <= floor:
        return Judgement.SAME, ""
    if adjusted is None:
        return Judgement.CANNOT_TELL, "shown, not judged"
    if evidence.pairs < FEWEST_PAIRS:
        return Judgement.CANNOT_TELL, f"{evidence.pairs} pairs cannot convict: use --pairs {FEWEST_PAIRS} or more"
    effective = _effective_floor(aspect, evidence)
    raised = f"identical code moved by up to {_percent(effective)} here" if effective > floor else ""
    if adjusted < ALPHA and abs(evidence.estimate) > effective:
        harmful = (evidence.estimate > 0) == (aspect.metric.better == "lower")
        return (Judgement.WORSE if harmful else Judgement.BETTER), raised
    return Judgement.CANNOT_TELL, raised


def _effective_floor(aspect: ComparedMetric, evidence: Evidence) -> float:
    """As a log-ratio: the declared floor, or what identical code showed where that is more."""
    floor = log1p(aspect.metric.floor)
    return floor if evidence.identical is None else max(floor, evidence.identical.extent)


def _percent(extent: float) -> str:
    return f"{expm1(extent):.0%}" if expm1(extent) >= 0.1 else f"{expm1(extent):.1%}"
