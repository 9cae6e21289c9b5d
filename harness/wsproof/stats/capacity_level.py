"""Pass or fail of one capacity level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wsproof.model.capacity import LevelOutcome
from wsproof.model.finding import Anomaly, Finding, Verdict
from wsproof.model.summary import TrustWarning
from wsproof.stats.objective import ObjectiveResult

OF_THE_SERVER = frozenset({"unsent", "unpublished", "refused", "incomplete-ramp"})
"""Warnings that invalidate figures because the plan was not carried out. If the generator is in order, the server is
the cause: it did not read, closed a publisher's connection, or refused connections or requests. So the level is beyond
the capacity of the server."""
OF_NOBODY = frozenset({"nothing-measured"})
"""Warnings that nothing was measured. Only the findings can show the cause."""
SHOWN = 3
"""Number of findings that are kept as reasons."""


@dataclass(frozen=True)
class JudgedLevel:
    """Outcome of a run at a level, with the reasons as sentences."""

    outcome: LevelOutcome
    why: tuple[str, ...]


def _by_effect(caution: TrustWarning) -> bool:
    """Whether a warning invalidates only single statistics, whose value without the generator's part is known."""
    return bool(caution.figures) and all("." in figure for figure in caution.figures)


def judge_level(
    objectives: Sequence[ObjectiveResult],
    findings: Sequence[Finding],
    cautions: Sequence[TrustWarning],
) -> JudgedLevel:
    """Judge the run of a level by its objectives, its findings and its trust warnings.

    The level is met if all objectives are met, the measurement is trusted, and there is no violation of the delivery
    contract. A lost message has no latency, so a level that loses messages may look fast. Such a level is missed
    whatever the objectives say. A protocol deviation says nothing about the level, because the server deviates at every
    level.

    The generator may have affected some figures by sending or reading late. This makes the level untrusted only if an
    objective uses such a figure and would have another outcome without the delay.
    """
    undecided = {result.void.code for result in objectives if result.void is not None}
    voiding = [
        caution
        for caution in cautions
        if caution.invalidates and (caution.code in undecided or not _by_effect(caution))
    ]
    ours = [caution.message for caution in voiding if caution.code not in OF_THE_SERVER | OF_NOBODY]
    if ours:
        return JudgedLevel(LevelOutcome.UNTRUSTED, tuple(ours))
    missed = [result.sentence() for result in objectives if result.met is False]
    of_channel = [finding for finding in findings if finding.anomaly is not Anomaly.PROTOCOL]
    broken = [finding for finding in of_channel if finding.verdict() is Verdict.INVALID]
    missed += [f"{finding.check}: {finding.explanation}" for finding in broken[:SHOWN]]
    missed += [f.explanation for f in findings if f.anomaly is Anomaly.BEHIND]
    missed += [caution.message for caution in voiding if caution.code in OF_THE_SERVER]
    if missed:
        return JudgedLevel(LevelOutcome.MISSED, tuple(missed))
    unsure = [result.sentence() for result in objectives if result.met is None]
    unsure += [finding.explanation for finding in findings if finding.verdict() is Verdict.UNKNOWN][:SHOWN]
    unsure += [caution.message for caution in voiding]
    if unsure:
        return JudgedLevel(LevelOutcome.UNTRUSTED, tuple(unsure))
    return JudgedLevel(LevelOutcome.MET, tuple(result.sentence() for result in objectives))
