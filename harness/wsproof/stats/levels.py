"""Is one level of load met, missed, or unknown? And whose fault it is when the plan was not carried out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from wsproof.model.finding import Finding, Verdict
from wsproof.model.measurement import Measurement
from wsproof.model.record import Caution
from wsproof.stats.capacity import Outcome
from wsproof.stats.objective import ObjectiveResult

OF_THE_SERVER = frozenset({"unsent", "unpublished", "incomplete-ramp"})
"""Cautions that void because the plan was not carried out. With a generator in order, the server is why: it did not
read, hung up on a publisher, or refused connections; so this level is more than it takes."""
OF_NOBODY = frozenset({"nothing-measured"})
"""There was nothing to judge by; whose fault that is, the findings say or nobody knows."""
LATENESS = "schedule-slip"
OWN_DELAY = "generator-delay"
TOLD = 3
"""How many reasons of one kind are kept."""


@dataclass(frozen=True)
class Judged:
    """What a run at a level came to, and why, in sentences."""

    outcome: Outcome
    why: tuple[str, ...]


def as_sent(measurement: Measurement) -> Measurement:
    """The same, as if each message had been meant to leave when it did: what the server alone has done."""
    published = measurement.history.publications
    left_ns = np.where(published.sent_ns > 0, published.sent_ns, published.intended_ns)
    history = replace(measurement.history, publications=replace(published, intended_ns=left_ns))
    return replace(measurement, history=history)


def judge_level(
    objectives: Sequence[ObjectiveResult],
    findings: Sequence[Finding],
    cautions: Sequence[Caution],
    punctual: Sequence[ObjectiveResult] | None = None,
) -> Judged:
    """Met: all objectives are, the measurement can be trusted, and no promise was broken. A loss has no latency, so a
    level that loses messages may look quick; whatever the objectives say, it is missed.

    `punctual` are the objectives without the generator's own lateness (`as_sent`). Where they come to the same, the
    lateness has decided nothing, and the level can be judged in spite of it. Nor has what the generator may have added
    to latency decided anything where all objectives are met: without it they would be, too.
    """
    voiding = [caution for caution in cautions if caution.voids]
    if all(one.met for one in objectives):
        voiding = [caution for caution in voiding if caution.code != OWN_DELAY]
    if punctual is not None and [one.met for one in punctual] == [one.met for one in objectives]:
        voiding = [caution for caution in voiding if caution.code != LATENESS]
    ours = [caution.message for caution in voiding if caution.code not in OF_THE_SERVER | OF_NOBODY]
    if ours:
        return Judged(Outcome.UNTRUSTED, tuple(ours))
    missed = [result.sentence() for result in objectives if result.met is False]
    broken = [finding for finding in findings if finding.verdict() is Verdict.INVALID]
    missed += [f"{finding.check}: {finding.explanation}" for finding in broken[:TOLD]]
    missed += [caution.message for caution in voiding if caution.code in OF_THE_SERVER]
    if missed:
        return Judged(Outcome.MISSED, tuple(missed))
    unsure = [result.sentence() for result in objectives if result.met is None]
    unsure += [finding.explanation for finding in findings if finding.verdict() is Verdict.UNKNOWN][:TOLD]
    unsure += [caution.message for caution in voiding]
    if unsure:
        return Judged(Outcome.UNTRUSTED, tuple(unsure))
    return Judged(Outcome.MET, tuple(result.sentence() for result in objectives))
