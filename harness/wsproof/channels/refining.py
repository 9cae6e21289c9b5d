"""From a finding to what is told: the shortest schedule that fails, how often it does, and what is to blame for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from wsproof.channels.blame import REPEATS, Trial, put_on_trial, try_again
from wsproof.channels.properties import Property
from wsproof.channels.schedule import Schedule, fitted
from wsproof.channels.shortening import shorten
from wsproof.channels.stage import Seen, Stage
from wsproof.checks import CHECKS
from wsproof.checks.neighbours import without_blame
from wsproof.errors import TargetError
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import BudgetSpent

SHORTEN_S = 4.0
QUICK_S = 0.75
"""The deadline while shortening and repeating: the fault has been seen with the long one already."""
UNREPEATED = (
    "Before that, the same without what the neighbour did went well on this server. It was not tried again: the server "
    "is not ours to replace."
)
CUT_SHORT = "The time that the run was given was over before it could be tried again."
UNREFINED = "It could not be tried again before the run ended."
PROMISES = {check.name: check.promise for check in CHECKS}


def refined(
    stage: Stage, each: Property, finding: Finding, seen: Seen, schedule: Schedule, options: SuiteOptions
) -> Finding | None:
    """The finding as it is told; None where the same is told already, of another property of this channel.

    On a server of ours it is repeated, and where a neighbour seems to be at fault there are control runs without what
    that one did. The story of a culprit is told only if those prove it.
    """
    if finding.level is not Level.VIOLATION or not stage.server.owned or not stage.usable:
        note = UNREPEATED if is_causal(each, finding) and not stage.server.owned else ""
        return _kept(stage, each, finding, finding, schedule, note=note, proven=True)
    causal = is_causal(each, finding)
    if not causal and _is_told(stage, each, finding):
        return None
    try:
        return _tried_again(stage, each, finding, seen, schedule, options)
    except BudgetSpent:
        plain = _without_culprit(stage, finding, seen) if causal else finding
        return _kept(stage, each, plain, plain, schedule, note=CUT_SHORT, proven=not causal)


def unrefined(stage: Stage, each: Property, finding: Finding, seen: Seen, schedule: Schedule) -> Finding:
    """The finding as it was first seen: it was not tried again, and accuses nobody in particular."""
    causal = is_causal(each, finding)
    plain = _without_culprit(stage, finding, seen) if causal else finding
    note = UNREFINED if finding.level is Level.VIOLATION else ""
    return told(stage, each, plain, schedule, note=note, proven=not causal)


def _tried_again(
    stage: Stage, each: Property, finding: Finding, seen: Seen, schedule: Schedule, options: SuiteOptions
) -> Finding | None:
    """The finding after all repetitions. Raises BudgetSpent."""
    causal = is_causal(each, finding)
    trials = _Trials(stage, each, finding, seen, min(options.deadline_s, QUICK_S))
    shortest = schedule
    if schedule not in own_edges(stage, each) and trials.fails(schedule):  # edges are as short as we could write them
        shortest = shorten(schedule, lambda one: trials.fails(one) and trials.fails(one), budget_s=SHORTEN_S)
    trial = put_on_trial(shortest, trials.fails, trials.fails_at_all) if causal else try_again(shortest, trials.fails)
    stage.broken = True
    latest, witness = trials.shown[-1]
    proven = trial.proves or not causal
    plain = latest if proven else _without_culprit(stage, latest, witness)
    if not proven and _is_told(stage, each, plain):
        return None
    headline = f"{each.headline.format(channel=stage.workload.name)}: " if causal and proven else ""
    told = replace(plain, explanation=f"{headline}{plain.explanation}", reproduced=f"{trial.again} of {REPEATS}")
    return _kept(stage, each, plain, told, shortest, note=_note(trial, causal=causal), proven=proven)


def is_causal(each: Property, finding: Finding) -> bool:
    """Whether the finding would be told as the doing of a neighbour."""
    return bool(each.headline) and finding.check in each.looks_at and finding.level is Level.VIOLATION


def own_edges(stage: Stage, each: Property) -> tuple[Schedule, ...]:
    """The edges of a property, as this channel can speak them."""
    return tuple(dict.fromkeys(fitted(edge, stage.workload) for edge in each.edges))


def told(
    stage: Stage, each: Property, finding: Finding, schedule: Schedule, *, note: str = "", proven: bool = True
) -> Finding:
    """The finding under the name of its property, with the schedule in front of its evidence, and its recipe."""
    workload = stage.workload
    recipe: Mapping[str, Any] = {
        "suite": "channels",
        "workload": workload.name,
        "property": each.name,
        "settings": {f"{workload.name}.{key}": value for key, value in workload.settings.items()},
        "seed": stage.seed,
        "schedule": [step.to_json() for step in schedule],
    }
    wire = finding.anomaly is Anomaly.PROTOCOL
    promise = each.promise if proven else PROMISES.get(finding.check, each.promise)
    return replace(
        finding,
        check=finding.check if wire else f"{workload.name}.{each.name}",
        section=finding.section if wire else workload.name,
        explanation=f"{finding.explanation} {note}".strip(),
        witness=(*(f"> {step.describe()}" for step in schedule), *finding.witness),
        recipe=recipe,
        source=finding.source if wire else promise,
    )


class _Trials:
    """Repetitions, each on a fresh server: a fault can lie dormant in one that seemed to have taken no harm."""

    def __init__(self, stage: Stage, each: Property, finding: Finding, seen: Seen, deadline_s: float) -> None:
        self.shown = [(finding, seen)]
        self._stage, self._each, self._anomaly, self._deadline_s = stage, each, finding.anomaly, deadline_s

    def fails(self, schedule: Schedule) -> bool:
        """Whether the same anomaly shows again."""
        self._stage.broken = True
        try:
            seen = self._stage.judge(schedule, self._deadline_s)
        except TargetError:
            return False
        again = [f for f in self._each.mine(seen.findings) if f.anomaly is self._anomaly]
        self.shown.extend((finding, seen) for finding in again[:1])
        return bool(again)

    def fails_at_all(self, schedule: Schedule) -> bool:
        """Whether any violation shows: a control run must be beyond suspicion."""
        self._stage.broken = True
        try:
            seen = self._stage.judge(schedule, self._deadline_s)
        except TargetError:
            return True
        return any(f.level is Level.VIOLATION for f in self._each.mine(seen.findings))


def _kept(
    stage: Stage, each: Property, plain: Finding, finding: Finding, schedule: Schedule, *, note: str, proven: bool
) -> Finding:
    kept = told(stage, each, finding, schedule, note=note, proven=proven)
    if plain.level is Level.VIOLATION:
        stage.told.setdefault((plain.check, plain.anomaly), kept)
    return kept


def _is_told(stage: Stage, each: Property, finding: Finding) -> bool:
    key = (finding.check, finding.anomaly)
    if key not in stage.told:
        return False
    stage.tell_again(key, f"{stage.workload.name}.{each.name}")
    return True


def _without_culprit(stage: Stage, finding: Finding, seen: Seen) -> Finding:
    """What is lost, without the story of who did it."""
    if finding.anomaly is not Anomaly.STALLED_BY_NEIGHBOUR:
        return finding
    plain = without_blame(seen.performance.history, stage.workload.contract)
    return plain if plain is not None else replace(finding, anomaly=Anomaly.LOST)


def _note(trial: Trial, *, causal: bool) -> str:
    if not trial.again:
        return (
            f"It did not happen again in {REPEATS} repetitions on a fresh server: it depends on what the server had "
            "been through by then, and what brings it about is not known."
        )
    if not causal:
        return ""
    if trial.proves:
        return f"Without that step nothing is lost ({trial.clean} of {trial.controls} control runs)."
    if not trial.controls:
        return "No neighbour has to do anything for it."
    if trial.clean < trial.controls:
        return "The same schedule without what the neighbour did goes wrong as well, so that is not what does it."
    return f"It happened again in {trial.again} of {REPEATS} repetitions: too seldom to say what brings it about."
