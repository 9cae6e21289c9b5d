"""Rules by which a comparison says worse, better, same, or cannot tell.

Per judged metric, with p adjusted by Holm over the judged metrics, and with estimate and interval on paired log-ratios:

- *worse*: adjusted p < 0.05, and the estimate is beyond the floor (5 %, a property of the metric) in the bad direction;
- *better*: the same in the good direction;
- *same*: two one-sided tests at 5 % rule out a change beyond the floor (the 90 % interval lies within it);
- *cannot tell*: anything else, with the smallest effect that these pairs could have shown.

Windows in turn (`judge_lives`) are judged by the same rules, with lives in the place of pairs and one difference:
*worse* and *better* need an estimate beyond half of the floor. An estimate below that is nearer to no change than to a
change that counts. *same* is asked first: a change that is surely smaller than the floor is the same, whatever its p.

With fewer than eight pairs, a two-sided sign flip test cannot be significant after Holm (2 / 2^7 x 4 = 0.06). So only
*same* and *cannot tell* are possible.

The same comparison also measures identical code (A/A pairs: base against base). Its result limits the verdict of each
metric:

- The A/A interval excludes 1 by more than the floor (at 99.9 %): the harness itself is biased in this metric. The
  verdict is *cannot tell*.
- The A/A interval (95 %) reaches further than the floor: on this machine the metric moves that far without a change
  of code. The *effective floor* is then the far end of that interval, and *worse* and *better* must go beyond it. So
  8 % of latency p99 on a noisy machine is no longer *worse*, but a factor of five is. *same* keeps the declared floor.

All metrics together are *worse* if any judged metric is worse. They are *same* if all are the same. They are *better*
if at least one is better and all others are better or the same: "better, but we do not know about p99" is no reason to
merge. Otherwise they are *cannot tell*. Metrics that are not judged are shown with ratio and interval, as *same* or
*cannot tell*, without p.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, expm1, isinf, log1p
from statistics import median

from wsproof.model.comparison import Judgement, MetricComparison
from wsproof.stats.compared_metrics import ASPECTS, ComparedMetric
from wsproof.stats.lives import Life, weigh_lives
from wsproof.stats.paired import Evidence, Pair, weigh
from wsproof.stats.permutation import holm

FEWEST_PAIRS = 8
"""Pairs that a verdict of *worse* or *better* needs."""
ALPHA = 0.05
"""Significance level of the adjusted p-value."""


@dataclass(frozen=True)
class Design:
    """The unit that a comparison repeats, and the share of the floor that an estimate must exceed."""

    repeats: str
    option: str
    share_of_floor: float


BLOCKS = Design("pairs", "--pairs", 1.0)
WINDOWS = Design("lives", "a longer --budget, and --lives", 0.5)


def judge_pairs(
    pairs: Mapping[str, Sequence[Pair]],
    identical: Mapping[str, Sequence[Pair]] | None = None,
    *,
    aspects: Sequence[ComparedMetric] = ASPECTS,
    seed: int = 0,
) -> tuple[MetricComparison, ...]:
    """Compare each metric that has pairs. The judged metrics come first.

    `pairs` and `identical` are keyed by the name of the compared metric. `identical` are the A/A pairs.
    """
    identical = identical or {}
    evidence = {name: weigh(pairs[name], identical.get(name, ()), seed=seed) for name in pairs if pairs[name]}
    return _judge_metrics(evidence, pairs, BLOCKS, aspects)


def judge_lives(
    lives: Mapping[str, Sequence[Life]], *, aspects: Sequence[ComparedMetric] = ASPECTS, seed: int = 0
) -> tuple[MetricComparison, ...]:
    """Compare each metric that has lives, measured in windows in turn. The judged metrics come first."""
    evidence = {name: weigh_lives(lives[name], seed=seed) for name in lives if lives[name]}
    pairs = {name: [life.pair for life in lives[name] if life.is_complete] for name in evidence}
    return _judge_metrics(evidence, pairs, WINDOWS, aspects)


def is_narrow(
    lives: Mapping[str, Sequence[Life]], width: float, *, aspects: Sequence[ComparedMetric] = ASPECTS
) -> bool:
    """Whether the 95 % intervals of all judged metrics are at most this wide to either side (0.02: 2 %)."""
    judged = [lives[aspect.name] for aspect in aspects if aspect.primary and lives.get(aspect.name)]
    spans = [evidence.span for each in judged if (evidence := weigh_lives(each)) is not None]
    return bool(spans) and all(span is not None and (span.high - span.low) / 2 <= log1p(width) for span in spans)


def _judge_metrics(
    weighed: Mapping[str, Evidence | None],
    pairs: Mapping[str, Sequence[Pair]],
    design: Design,
    aspects: Sequence[ComparedMetric],
) -> tuple[MetricComparison, ...]:
    present = sorted((aspect for aspect in aspects if aspect.name in weighed), key=lambda aspect: not aspect.primary)
    judged = {
        aspect.name: evidence for aspect in present if aspect.primary and (evidence := weighed[aspect.name]) is not None
    }
    adjusted = dict(zip(judged, holm([evidence.p for evidence in judged.values()]), strict=True))
    return tuple(
        _compare(aspect, pairs[aspect.name], weighed[aspect.name], adjusted.get(aspect.name), len(judged), design)
        for aspect in present
    )


def overall(metrics: Iterable[MetricComparison]) -> Judgement:
    """Combine the verdicts of all judged metrics by the rules above."""
    verdicts = [metric.verdict for metric in metrics if metric.primary]
    if Judgement.WORSE in verdicts:
        return Judgement.WORSE
    if not verdicts or Judgement.CANNOT_TELL in verdicts:
        return Judgement.CANNOT_TELL
    return Judgement.BETTER if Judgement.BETTER in verdicts else Judgement.SAME


def _compare(
    aspect: ComparedMetric,
    pairs: Sequence[Pair],
    evidence: Evidence | None,
    adjusted: float | None,
    tests: int,
    design: Design,
) -> MetricComparison:
    verdict, note = _verdict(aspect, evidence, adjusted, design)
    detectable = None
    if evidence is not None and aspect.primary:
        smallest = evidence.detectable(_effective_floor(aspect, evidence, design), tests)
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
        floor=aspect.floor,
        p=adjusted,
        primary=aspect.primary,
        base=median(base for base, _ in pairs) if pairs else None,
        candidate=median(candidate for _, candidate in pairs) if pairs else None,
        detectable=detectable,
        pairs=tuple(pairs),
        note=note,
    )


def _verdict(
    aspect: ComparedMetric, evidence: Evidence | None, adjusted: float | None, design: Design
) -> tuple[Judgement, str]:
    if evidence is None:
        return Judgement.CANNOT_TELL, "no pair has a value above zero on both sides"
    floor = log1p(aspect.floor)
    if evidence.bias is not None and evidence.bias.beyond(floor):
        return Judgement.CANNOT_TELL, f"vetoed: base against base differed too ({_percent(evidence.bias.extent)})"
    if evidence.equivalence is not None and evidence.equivalence.extent <= floor:
        return Judgement.SAME, ""
    if adjusted is None:
        return Judgement.CANNOT_TELL, "shown, not judged"
    if evidence.pairs < FEWEST_PAIRS:
        few = f"fewer than {FEWEST_PAIRS} {design.repeats} cannot show a regression"
        return Judgement.CANNOT_TELL, f"{few}: use {design.option} {FEWEST_PAIRS} or more"
    effective = _effective_floor(aspect, evidence, design)
    raised = f"identical code moved by up to {_percent(effective)} here" if effective > floor else ""
    if adjusted < ALPHA and abs(evidence.estimate) > effective:
        harmful = (evidence.estimate > 0) == (aspect.metric.better == "lower")
        return (Judgement.WORSE if harmful else Judgement.BETTER), raised
    return Judgement.CANNOT_TELL, raised


def _effective_floor(aspect: ComparedMetric, evidence: Evidence, design: Design) -> float:
    """The log-ratio that an estimate must exceed: by the declared floor, or the A/A interval's extent if larger."""
    floor = design.share_of_floor * log1p(aspect.floor)
    return floor if evidence.identical is None else max(floor, evidence.identical.extent)


def _percent(extent: float) -> str:
    return f"{expm1(extent):.0%}" if expm1(extent) >= 0.1 else f"{expm1(extent):.1%}"
