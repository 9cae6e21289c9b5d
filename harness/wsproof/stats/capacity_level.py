"""Is one level of load met, missed, or unknown? And whose fault it is when the plan was not carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wsproof.model.finding import Anomaly, Finding, Verdict
from wsproof.model.record import TrustWarning
from wsproof.stats.capacity import LevelOutcome
from wsproof.stats.objective import ObjectiveResult

OF_THE_SERVER = frozenset({"unsent", "unpublished", "incomplete-ramp"})
"""Cautions that void because the plan was not carried out. With a generator in order, the server is why: it did not
read, hung up on a publisher, or refused connections; so this level is more than it takes."""
OF_NOBODY = frozenset({"nothing-measured"})
"""There was nothing to judge by; whose fault that is, the findings say or nobody knows."""
TOLD = 3
"""How many reasons of one kind are kept."""


@dataclass(frozen=True)
class JudgedLevel:
    """What a run at a level came to, and why, in sentences."""

    outcome: LevelOutcome
    why: tuple[str, ...]


def _by_effect(caution: TrustWarning) -> bool:
    """Whether it voids single statistics, of which it is known what they would be otherwise."""
    return bool(caution.figures) and all("." in figure for figure in caution.figures)


def judge_level(
    objectives: Sequence[ObjectiveResult],
    findings: Sequence[Finding],
    cautions: Sequence[TrustWarning],
) -> JudgedLevel:
    """Met: all objectives are, the measurement can be trusted, and no promise was broken. A loss has no latency, so a
    level that loses messages may look quick; whatever the objectives say, it is missed. A deviation on the wire says
    nothing about the level: the server deviates at every level.

    What the generator did to some figures (it sent late, read late) voids the level only where an objective asks for
    one of them and would have come out otherwise.
    """
    undecided = {one.void.code for one in objectives if one.void is not None}
    voiding = [one for one in cautions if one.voids and (one.code in undecided or not _by_effect(one))]
    ours = [caution.message for caution in voiding if caution.code not in OF_THE_SERVER | OF_NOBODY]
    if ours:
        return JudgedLevel(LevelOutcome.UNTRUSTED, tuple(ours))
    missed = [result.sentence() for result in objectives if result.met is False]
    of_channel = [finding for finding in findings if finding.anomaly is not Anomaly.PROTOCOL]
    broken = [finding for finding in of_channel if finding.verdict() is Verdict.INVALID]
    missed += [f"{finding.check}: {finding.explanation}" for finding in broken[:TOLD]]
    missed += [f.explanation for f in findings if f.anomaly is Anomaly.BEHIND]
    missed += [caution.message for caution in voiding if caution.code in OF_THE_SERVER]
    if missed:
        return JudgedLevel(LevelOutcome.MISSED, tuple(missed))
    unsure = [result.sentence() for result in objectives if result.met is None]
    unsure += [finding.explanation for finding in findings if finding.verdict() is Verdict.UNKNOWN][:TOLD]
    unsure += [caution.message for caution in voiding]
    if unsure:
        return JudgedLevel(LevelOutcome.UNTRUSTED, tuple(unsure))
    return JudgedLevel(LevelOutcome.MET, tuple(result.sentence() for result in objectives))
