"""Derives a comparison from blocks: pairs of numbers, violations that only the candidate has, and trust warnings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from wsproof.comparison.blocks import BlockResult
from wsproof.comparison.differences import finding_differences
from wsproof.comparison.order import Side
from wsproof.comparison.violations import ViolationKey, violation_key, violations
from wsproof.model.comparison import Comparison, Judgement, MetricComparison
from wsproof.model.finding import UNDECIDED, Finding, Verdict
from wsproof.model.summary import TrustWarning
from wsproof.stats.compared_metrics import ASPECTS
from wsproof.stats.comparison import judge_pairs, overall
from wsproof.stats.paired import Pair

UNJUDGED = "unknown-blocks"
"""Code of the warning that the correctness of a block or of a server could not be judged."""


class Measured(Protocol):
    """The measurement of one server: a block, or one server of a life."""

    @property
    def trusted(self) -> bool: ...

    @property
    def findings(self) -> tuple[Finding, ...]: ...

    @property
    def warnings(self) -> tuple[TrustWarning, ...]: ...


def compare_blocks(results: Sequence[BlockResult], *, seed: int = 0, **facts: Any) -> Comparison:
    """Judge the blocks that were run.

    After Ctrl-C some blocks may be missing. A block without its counterpart makes no pair. A violation of the candidate
    that the base does not have makes the whole comparison *worse*, without statistics. If most blocks are untrusted, or
    if correctness could not be judged in a block, *same* and *better* become *cannot tell*. A limit that affects both
    builds alike can hide a difference. It cannot create one, so *worse* stays. `facts` are the other fields of the
    Comparison.
    """
    metrics = judge_pairs(pairs_of(results, identical=False), pairs_of(results, identical=True), seed=seed)
    candidates = [result for result in results if result.block.side is Side.CANDIDATE]
    bases = [result for result in results if result.block.side is not Side.CANDIDATE]
    return with_verdict(metrics, bases, candidates, "blocks", seed=seed, **facts)


def with_verdict(
    metrics: tuple[MetricComparison, ...],
    bases: Sequence[Measured],
    candidates: Sequence[Measured],
    units: str,
    **facts: Any,
) -> Comparison:
    """Combine the judged metrics with findings and trust. `units` names the measured things: blocks, or servers."""
    results = [*bases, *candidates]
    new = new_violations(_findings(bases), _findings(candidates))
    warnings = (*facts.pop("warnings", ()), *_doubts(results, new, units), *combined_warnings(results, units))
    differences = facts.pop("differences", {}) | finding_differences(_findings(bases), _findings(candidates))
    verdict = overall(metrics)
    if new:
        verdict = Judgement.WORSE
    elif verdict in (Judgement.SAME, Judgement.BETTER) and any(warning.invalidates for warning in warnings):
        verdict = Judgement.CANNOT_TELL
    return Comparison(
        verdict=verdict,
        metrics=metrics,
        findings=new,
        warnings=warnings,
        differences=differences,
        **facts,
    )


def pairs_of(results: Iterable[BlockResult], *, identical: bool) -> dict[str, list[Pair]]:
    """Per compared metric, the values of both sides of each pair that has both."""
    sides: dict[int, dict[Side, BlockResult]] = {}
    for result in results:
        if result.block.identical is identical:
            sides.setdefault(result.block.pair, {})[result.block.side] = result
    second = Side.BASE_AGAIN if identical else Side.CANDIDATE
    pairs: dict[str, list[Pair]] = {}
    for _, pair in sorted(sides.items()):
        if len(pair) < 2:
            continue
        for aspect in ASPECTS:
            left, right = aspect.of(pair[Side.BASE].metrics), aspect.of(pair[second].metrics)
            if left is not None and right is not None:
                pairs.setdefault(aspect.name, []).append((left, right))
    return pairs


def new_violations(base: Iterable[Finding], candidate: Iterable[Finding]) -> tuple[Finding, ...]:
    """Violations of the candidate that the base never showed. A violation in several blocks is listed once."""
    base_keys = {violation_key(finding) for finding in base}
    new: dict[ViolationKey, Finding] = {}
    for finding in candidate:
        key = violation_key(finding)
        if finding.verdict() is not Verdict.INVALID or key in base_keys:
            continue
        earlier = new.get(key)
        occurrences = finding.occurrences + (earlier.occurrences if earlier else 0)
        new[key] = replace(earlier or finding, occurrences=occurrences)
    return tuple(new.values())


def combined_warnings(results: Sequence[Measured], units: str = "blocks") -> tuple[TrustWarning, ...]:
    """The trust warnings of all results, each once, with the number of affected ones.

    None of them invalidates the comparison by itself.
    """
    by_code: Mapping[str, list[TrustWarning]] = _by_code(results)
    return tuple(
        replace(
            same_code[0],
            message=f"In {len(same_code)} of {len(results)} {units}: {same_code[0].message}",
            invalidates=False,
        )
        for same_code in by_code.values()
    )


def _doubts(results: Sequence[Measured], new: Sequence[Finding], units: str) -> tuple[TrustWarning, ...]:
    doubts = []
    untrusted = sum(not result.trusted for result in results)
    if untrusted * 2 > len(results):
        doubts.append(
            TrustWarning(
                "untrusted-blocks",
                f"{untrusted} of {len(results)} {units} are untrusted: a limit or disturbance that affects both "
                "builds alike can hide a difference between them.",
                "Look at the warnings below. A lower --rate, fewer --subscribers or a quieter machine may help.",
                invalidates=True,
            )
        )
    unknown = [result for result in results if any(f.anomaly in UNDECIDED for f in result.findings)]
    if unknown:
        first = next(f for f in unknown[0].findings if f.anomaly in UNDECIDED)
        doubts.append(
            TrustWarning(
                UNJUDGED,
                f"In {len(unknown)} of {len(results)} {units} correctness could not be judged: {first.explanation}",
                "Measure that build alone with `wsproof bench`, and look at its server's output.",
                invalidates=True,
            )
        )
    shared = violations(_findings(results))
    if len(shared) > len(new):
        doubts.append(
            TrustWarning(
                "faults-of-the-base",
                f"The base has {len(shared) - len(new)} violation(s) too: they do not count against the candidate.",
                "`wsproof check` shows them.",
            )
        )
    return tuple(doubts)


def _findings(results: Iterable[Measured]) -> list[Finding]:
    return [finding for result in results for finding in result.findings]


def _by_code(results: Iterable[Measured]) -> dict[str, list[TrustWarning]]:
    by_code: dict[str, list[TrustWarning]] = {}
    for result in results:
        for warning in result.warnings:
            by_code.setdefault(warning.code, []).append(warning)
    return by_code
