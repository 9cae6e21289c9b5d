"""Refines a finding before it is reported.

Shortens its schedule, repeats it, and makes control runs for its cause.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from wsproof.checks import PROMISES
from wsproof.checks.isolation import without_cause
from wsproof.delivery.catalogue import ChannelCheck
from wsproof.delivery.control_runs import (
    REPEATS,
    ControlRuns,
    eventless,
    events_of,
    leaving_instead,
    run_controls,
    shorten,
    try_again,
    without_misbehaviour,
)
from wsproof.delivery.delivery_property import STOPPED_WORKING, DeliveryProperty
from wsproof.delivery.runner import ReportedFinding, ScheduleResult, ScheduleRunner
from wsproof.delivery.schedule import Schedule, fitted
from wsproof.errors import TargetError
from wsproof.model.finding import PROVEN_BY_RECEIVED_DATA, Anomaly, Finding, Level, not_retried, observed
from wsproof.net.budget import BudgetSpent
from wsproof.net.redact import redact_settings

SHORTEN_S = 4.0
"""Seconds that the search for a shorter schedule may take."""
SIGHTINGS = 3
"""Number of different schedules that confirm a finding, even if repetitions of one schedule do not."""
QUICK_S = 0.75
"""Timeout in seconds while shortening and repeating. The first run has used the long one."""
UNREPEATED = (
    "Before that, the same schedule without the misbehaviour passed on this server. The schedule was not repeated, "
    "because wsproof did not start this server and cannot replace it."
)
CUT_SHORT = "The time budget ended before the finding could be retried."
SHOWN_AGAIN = "The retries reproduced it until the time budget ended."
UNREFINED = "The run ended before the finding could be retried."


@dataclass(frozen=True)
class Refined:
    """A finding to report, or None and the reported finding that covers it."""

    finding: Finding | None
    same: Finding | None = None


@dataclass(frozen=True)
class Sighting:
    """A finding as a schedule of a property first showed it. `deadline_s` is the timeout of its repetitions."""

    check: DeliveryProperty
    finding: Finding
    seen: ScheduleResult
    schedule: Schedule
    deadline_s: float

    @property
    def is_causal(self) -> bool:
        """Whether the finding would be reported as caused by another member's misbehaviour."""
        return is_causal(self.check, self.finding)

    def plain(self, runner: ScheduleRunner) -> Finding:
        """The finding without a cause."""
        return _without_cause(runner, self.finding, self.seen) if self.is_causal else self.finding


def refined(runner: ScheduleRunner, sighting: Sighting) -> Refined:
    """Refine a finding for the report, unless this channel already has a report of the same.

    On a server that we started the schedule is repeated. If a member's misbehaviour seems to be the cause, control runs
    leave it out, and only they can prove that cause.

    Two findings are the same if check and anomaly match and the second does not need the steps of its property. That is
    so if control runs with nothing but messages fail as well.
    """
    check, finding, schedule = sighting.check, sighting.finding, sighting.schedule
    causal, owned = sighting.is_causal, runner.server.owned
    split = runner.split_that_explains(finding)
    if split is not None:
        return _again(runner, check, split)
    try:
        if finding.level is Level.VIOLATION and (not causal or not owned):
            same = _same_as_reported(runner, sighting)
            if same is not None:
                return _again(runner, check, same)
        if finding.check == STOPPED_WORKING:  # a fresh server was found to serve fresh clients
            return Refined(_kept(runner, check, finding, finding, schedule, note="", proven=True))
        if finding.level is not Level.VIOLATION or not owned:
            before = causal and without_misbehaviour(schedule) != schedule
            note = UNREPEATED if before and not owned else ""
            return Refined(_kept(runner, check, finding, finding, schedule, note=note, proven=True))
        return _tried_again(runner, sighting)
    except BudgetSpent:
        return Refined(_cut_short(runner, sighting))


def _cut_short(runner: ScheduleRunner, sighting: Sighting, repetitions: int = 0) -> Finding:
    """The finding, if the budget ended during its repetitions, of which `repetitions` have shown it again."""
    plain = sighting.plain(runner)
    finding, note = (plain, SHOWN_AGAIN) if repetitions else (_if_proven(runner, plain), CUT_SHORT)
    note = "" if finding.level is Level.OBSERVATION else note
    proven = not sighting.is_causal
    return _kept(runner, sighting.check, plain, finding, sighting.schedule, note=note, proven=proven)


def _if_proven(runner: ScheduleRunner, finding: Finding) -> Finding:
    """The finding as it counts without a repetition: an observation, unless received data proves it.

    Findings on a server that we cannot replace are never repeated, so the end of the budget changes nothing there.
    """
    if not runner.server.owned or finding.anomaly in PROVEN_BY_RECEIVED_DATA:
        return finding
    return not_retried(finding)


def _same_as_reported(runner: ScheduleRunner, sighting: Sighting) -> Finding | None:
    """The reported finding that covers this one.

    None if there is none, or if this finding needs the steps of its property.

    Raises:
        BudgetSpent: the run's time is over.
    """
    finding, deadline_s = sighting.finding, sighting.deadline_s
    reported = [check for check in runner.reported_like(finding) if check.finding.level.counts]
    control, events = eventless(sighting.schedule), events_of(sighting.schedule)
    alike = next((check.finding for check in reported if check.events == events), None)
    if alike is not None or not reported or not events:
        return alike or (reported[0].finding if reported else None)
    for _ in range(REPEATS):
        if runner.server.owned:
            runner.broken = True
        elif runner.broken and not runner.still_serves(deadline_s):
            return None
        runner.broken = runner.server.owned
        try:
            findings = runner.run_and_check(control, deadline_s, waits_in_full=True).findings
        except TargetError:
            return None
        if any(
            (finding_of_control.check, finding_of_control.anomaly) == (finding.check, finding.anomaly)
            for finding_of_control in findings
        ):
            return reported[0].finding
    return None


def unrefined(runner: ScheduleRunner, sighting: Sighting) -> Finding:
    """The finding as first seen: not repeated, and without a cause."""
    finding, proven = _if_proven(runner, sighting.plain(runner)), not sighting.is_causal
    note = UNREFINED if finding.level is Level.VIOLATION else ""
    return reported(runner, sighting.check, finding, sighting.schedule, note=note, proven=proven)


def seen_again(runner: ScheduleRunner, sighting: Sighting, before: Finding, sightings: int) -> Finding:
    """The finding to report after another schedule of the property has shown the same.

    An observation is refined again with the second schedule that shows it, which may reproduce it more often. A third
    schedule confirms it, however rarely a single schedule fails.
    """
    again = replace(before, occurrences=before.occurrences + 1)
    if before.level is not Level.OBSERVATION:
        return again
    if sightings < SIGHTINGS:
        refined_finding = refined(runner, sighting).finding
        return refined_finding if refined_finding is not None and refined_finding.level.counts else again
    note = f"It was seen in {sightings} schedules, though repetitions of one alone did not show it again."
    plain = sighting.plain(runner)
    repeated = replace(plain, occurrences=again.occurrences)
    proven = not sighting.is_causal
    return _kept(runner, sighting.check, plain, repeated, sighting.schedule, note=note, proven=proven)


def _tried_again(runner: ScheduleRunner, sighting: Sighting) -> Refined:
    """Shorten and repeat a finding, with control runs if needed."""
    counter = _RunCounter(runner, sighting)
    try:
        return _repeated(runner, sighting, counter)
    except BudgetSpent:
        return Refined(_cut_short(runner, sighting, repetitions=len(counter.shown) - 1))


def _repeated(runner: ScheduleRunner, sighting: Sighting, counter: _RunCounter) -> Refined:
    """Shorten and repeat a finding, with control runs if needed. Raises BudgetSpent."""
    check, schedule, causal = sighting.check, sighting.schedule, sighting.is_causal
    shortest = schedule
    if schedule not in own_edges(runner, check) and counter.fails(schedule):  # edges are already short
        shortest = shorten(schedule, lambda one: counter.fails(one) and counter.fails(one), budget_s=SHORTEN_S)
    runs = run_controls(shortest, counter.fails, counter.fails_at_all) if causal else try_again(shortest, counter.fails)
    runner.broken = True
    # If the schedule was not shortened, the first run had the longest timeout.
    latest, witness = counter.shown[0 if shortest == schedule else -1]
    proven = runs.proves or not causal
    if causal and proven:  # prefer the finding that names the misbehaving member
        naming_the_cause = (one for one in reversed(counter.shown) if one[0].anomaly is Anomaly.STALLED_BY_OTHER_MEMBER)
        latest, witness = next(naming_the_cause, (latest, witness))
    plain = latest if proven else _without_cause(runner, latest, witness)
    same = _same_after_retries(runner, runs, plain, shortest, counter) if not (proven and causal) else None
    if same is not None:
        return _again(runner, check, same)
    headline = f"{check.headline.format(channel=runner.workload.name)}: " if causal and proven else ""
    if runs.needs_departure_only:
        shortest, (latest, witness) = leaving_instead(shortest), counter.shown[-1]
        plain = _without_cause(runner, latest, witness)
        headline = f"A member that leaves disturbs the {runner.workload.name} for the others: "
    finding = observed(
        replace(plain, explanation=f"{headline}{plain.explanation}", reproduced=f"{runs.again} of {REPEATS}")
    )
    return Refined(_kept(runner, check, plain, finding, shortest, note=_note(runs, causal=causal), proven=proven))


def _same_after_retries(
    runner: ScheduleRunner, runs: ControlRuns, plain: Finding, shortest: Schedule, counter: _RunCounter
) -> Finding | None:
    """The reported finding that covers this one after its repetitions.

    A failure that did not recur shows nothing new. Nor does one that also appears without the steps of this property.
    But a mere observation does not cover a failure that recurred.
    """
    reported = [check.finding for check in runner.reported_like(plain)]
    if not runs.again:
        return next(iter(reported), None)
    takes_them = bool(events_of(shortest)) and plain.check not in counter.controls_showed
    return (
        None
        if takes_them
        else next((reported_finding for reported_finding in reported if reported_finding.level.counts), None)
    )


def is_causal(check: DeliveryProperty, finding: Finding) -> bool:
    """Whether the finding would be reported as caused by another member's misbehaviour."""
    return bool(check.headline) and finding.check in check.looks_at and finding.level is Level.VIOLATION


def own_edges(runner: ScheduleRunner, check: DeliveryProperty) -> tuple[Schedule, ...]:
    """The edge schedules of a property, adapted to the workload."""
    return tuple(dict.fromkeys(fitted(edge, runner.workload) for edge in check.edges))


def reported(
    runner: ScheduleRunner,
    check: ChannelCheck,
    finding: Finding,
    schedule: Schedule,
    *,
    note: str = "",
    proven: bool = True,
) -> Finding:
    """The finding under the name of its property, with its schedule as part of the evidence, and a recipe."""
    workload = runner.workload
    recipe: Mapping[str, Any] = {
        "suite": "channels",
        "workload": workload.name,
        "property": check.name,
        "settings": redact_settings({f"{workload.name}.{key}": value for key, value in workload.settings.items()}),
        "seed": runner.seed,
        "schedule": [step.to_json() for step in schedule],
    }
    wire = finding.anomaly is Anomaly.PROTOCOL
    of_its_own = proven and finding.check not in check.beside
    promise = check.promise if of_its_own else PROMISES.get(finding.check, check.promise)
    return replace(
        finding,
        check=finding.check if wire else f"{workload.name}.{check.name}",
        section=finding.section if wire else workload.name,
        explanation=f"{finding.explanation} {note}".strip(),
        witness=(*(f"> {step.describe()}" for step in schedule), *finding.witness),
        recipe=recipe,
        source=finding.source if wire else promise,
    )


class _RunCounter:
    """Repeats schedules, each on a fresh server, and keeps the failures.

    A server that seemed unharmed may still carry a dormant fault, so it is replaced before each run.
    """

    def __init__(self, runner: ScheduleRunner, sighting: Sighting) -> None:
        self.shown = [(sighting.finding, sighting.seen)]
        self.controls_showed: set[str] = set()
        """The checks that found something in control runs."""
        self._runner, self._sighting = runner, sighting

    def fails(self, schedule: Schedule) -> bool:
        """Whether a repetition shows the same anomaly.

        Misbehaviour can harm bystanders in several ways: gaps, silence, or a closed connection. If it is the suspected
        cause, any of these counts.
        """
        self._runner.broken = True
        try:
            result = self._runner.run_and_check(schedule, min(self._sighting.deadline_s, QUICK_S))
        except TargetError:
            return False
        own = self._sighting.check.mine(result.findings)
        first = self._sighting
        again = [
            f for f in own if f.anomaly is first.finding.anomaly or (first.is_causal and is_causal(first.check, f))
        ]
        self.shown.extend((finding, result) for finding in again[:1])
        return bool(again)

    def fails_at_all(self, schedule: Schedule) -> bool:
        """Whether a control run shows any violation.

        It has the whole deadline. A timeout too short for this machine would make the control run fail and hide the
        cause.
        """
        self._runner.broken = True
        try:
            result = self._runner.run_and_check(schedule, self._sighting.deadline_s, waits_in_full=True)
        except TargetError:
            return True
        own = self._sighting.check.mine(result.findings)
        violations = {f.check for f in own if f.level is Level.VIOLATION and f.anomaly is not Anomaly.PROTOCOL}
        self.controls_showed |= violations
        # If a member cannot join without the silent client either, it is not the cause: the room may be full.
        is_full = any(step.silent for step in self._sighting.schedule) and bool(result.execution.join_fault)
        return bool(violations) or is_full


def _kept(
    runner: ScheduleRunner,
    check: DeliveryProperty,
    plain: Finding,
    finding: Finding,
    schedule: Schedule,
    *,
    note: str,
    proven: bool,
) -> Finding:
    """The finding as reported; violations are remembered, so that later properties do not report them again."""
    reported_finding = reported(runner, check, finding, schedule, note=note, proven=proven)
    if plain.level is Level.VIOLATION:
        runner.reported.append(ReportedFinding(plain.check, plain.anomaly, events_of(schedule), reported_finding))
    return reported_finding


def _again(runner: ScheduleRunner, check: DeliveryProperty, same: Finding) -> Refined:
    """Note that this property found a reported finding again."""
    runner.note_repeat(same, f"{runner.workload.name}.{check.name}")
    return Refined(None, same)


def _without_cause(runner: ScheduleRunner, finding: Finding, result: ScheduleResult) -> Finding:
    """The finding as a plain loss, without a cause."""
    if finding.anomaly is not Anomaly.STALLED_BY_OTHER_MEMBER:
        return finding
    plain = without_cause(result.execution.history, runner.workload.contract)
    return plain if plain is not None else replace(finding, anomaly=Anomaly.LOST)


def _note(runs: ControlRuns, *, causal: bool) -> str:
    """The results of the repetitions and control runs, as a sentence of the report."""
    if not runs.again:
        return (
            f"It did not recur in {REPEATS} repetitions on a fresh server, so it depends on earlier schedules and its "
            "cause is not known."
        )
    if not causal:
        return ""
    if runs.needs_departure_only:
        return "It was found with a member that misbehaved. The same happens if that member only leaves."
    if runs.proves:
        return f"Without that step nothing is lost ({runs.clean} of {runs.controls} control runs)."
    if not runs.controls:
        return "No other member has to do anything for it."
    if runs.clean < runs.controls:
        return "The same schedule without the misbehaviour fails as well, so the misbehaviour is not the cause."
    return f"It recurred in {runs.again} of {REPEATS} repetitions: too rarely to find the cause."
