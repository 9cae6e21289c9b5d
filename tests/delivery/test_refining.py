"""Tests that duplicates of a finding are merged and similar findings are kept, on scripted runs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import cycle
from types import SimpleNamespace
from typing import Any, cast

from wsproof import Finding, Level
from wsproof.delivery import PROPERTIES, DeliveryProperty
from wsproof.delivery.runner import ReportedFinding, ScheduleResult, ScheduleRunner
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.delivery.shrink import Sighting, refined, seen_again
from wsproof.model.finding import Anomaly
from wsproof.model.history import Recorder
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import BudgetSpent
from wsproof.workloads import load_channels

CHAT = load_channels("tutorial")["chat"]
JOINS = (Step(Action.JOIN, 0), Step(Action.JOIN, 1))
LEAVES: Schedule = (*JOINS, Step(Action.SAY, 1), Step(Action.LEAVE, 1))
SLEEPS: Schedule = (*JOINS, Step(Action.STALL, 1), Step(Action.SAY, 0))
LOST = Finding("lost", "chat", Anomaly.LOST, Level.VIOLATION, "member 0 never received message 1.")
STALLED = Finding("stalled-by-other-member", "chat", Anomaly.STALLED_BY_OTHER_MEMBER, Level.VIOLATION, "Silence.")


def prop(name: str) -> DeliveryProperty:
    return next(checked for checked in PROPERTIES if checked.name == name)


DEADLINE_S = SuiteOptions().deadline_s


class ScriptedRunner(ScheduleRunner):
    """A runner whose server shows the findings that `shows` returns for a schedule."""

    def __init__(self, shows: Callable[[Schedule], list[Finding]], earlier: ReportedFinding | None = None) -> None:
        super().__init__(cast(Any, SimpleNamespace(owned=True)), CHAT, 0)
        self.shows = shows
        self.reported = [earlier] if earlier is not None else []

    def run_and_check(self, schedule: Schedule, deadline_s: float, *, waits_in_full: bool = False) -> ScheduleResult:
        return result_with(self.shows(schedule))


def result_with(findings: list[Finding]) -> ScheduleResult:
    return ScheduleResult(findings, cast(Any, SimpleNamespace(history=Recorder().freeze())))


def earlier_finding(check: str, *events: str) -> ReportedFinding:
    return ReportedFinding(
        "lost",
        Anomaly.LOST,
        frozenset(events),
        Finding(check, "chat", Anomaly.LOST, Level.VIOLATION, "A message was lost."),
    )


def refine(runner: ScheduleRunner, name: str, finding: Finding, schedule: Schedule) -> Any:
    return refined(runner, Sighting(prop(name), finding, result_with([finding]), schedule, DEADLINE_S))


def test_a_loss_caused_by_a_stalled_member_is_reported_beside_an_earlier_loss() -> None:
    faces = cycle([STALLED, LOST])
    runner = ScriptedRunner(
        lambda s: [next(faces)] if s == SLEEPS else [], earlier_finding("chat.messages-before-close", "leaves by close")
    )
    reported = refine(runner, "slow-reader-isolation", LOST, SLEEPS)
    assert reported.finding is not None
    assert reported.finding.explanation.startswith(
        "A member that does not read holds up the chat for the others: Silence."
    )
    assert reported.finding.reproduced == "3 of 3"


def test_a_loss_that_also_occurs_without_the_stalled_member_is_the_earlier_loss() -> None:
    runner = ScriptedRunner(lambda s: [LOST], earlier_finding("chat.delivery"))
    assert refine(runner, "slow-reader-isolation", LOST, SLEEPS).same.check == "chat.delivery"


def test_a_loss_that_is_not_reproduced_is_the_earlier_loss() -> None:
    runner = ScriptedRunner(lambda s: [], earlier_finding("chat.delivery"))
    assert refine(runner, "slow-reader-isolation", LOST, SLEEPS).same.check == "chat.delivery"


def test_an_earlier_observation_does_not_hide_a_reproducible_loss() -> None:
    before = earlier_finding("chat.delivery")
    seen_once = replace(before, finding=replace(before.finding, level=Level.OBSERVATION))
    reported = refine(ScriptedRunner(lambda s: [LOST], seen_once), "messages-before-close", LOST, LEAVES)
    assert reported.finding is not None
    assert reported.finding.level is Level.VIOLATION


def test_a_third_occurrence_is_a_violation_even_without_a_repetition() -> None:
    runner, each = ScriptedRunner(lambda s: []), prop("delivery")
    talk = (*JOINS, Step(Action.SAY, 0))
    first = refine(runner, "delivery", LOST, talk).finding
    assert first.level is Level.OBSERVATION
    second = seen_again(runner, Sighting(each, LOST, result_with([LOST]), talk, DEADLINE_S), first, 2)
    assert (second.level, second.occurrences) == (Level.OBSERVATION, 2)
    third = seen_again(runner, Sighting(each, LOST, result_with([LOST]), talk, DEADLINE_S), second, 3)
    assert (third.level, third.occurrences, third.reproduced) == (Level.VIOLATION, 3, None)
    assert "It was seen in 3 schedules" in third.explanation
    assert "does not count" not in third.explanation


def test_a_second_schedule_that_always_reproduces_the_loss_is_a_violation() -> None:
    larger = (*JOINS, Step(Action.JOIN, 2), Step(Action.SAY, 0))
    runner, each = ScriptedRunner(lambda s: [LOST] if s == larger else []), prop("delivery")
    first = refine(runner, "delivery", LOST, (*JOINS, Step(Action.SAY, 0))).finding
    second = seen_again(runner, Sighting(each, LOST, result_with([LOST]), larger, DEADLINE_S), first, 2)
    assert (second.level, second.reproduced) == (Level.VIOLATION, "3 of 3")


def test_a_loss_caused_by_a_departure_is_reported_beside_an_earlier_loss() -> None:
    runner = ScriptedRunner(lambda s: [LOST] if s == LEAVES else [], earlier_finding("chat.delivery"))
    reported = refine(runner, "messages-before-close", LOST, LEAVES)
    assert reported.finding is not None
    assert reported.finding.check == "chat.messages-before-close"


def test_a_loss_that_also_occurs_without_the_departure_is_the_earlier_loss() -> None:
    runner = ScriptedRunner(lambda s: [LOST], earlier_finding("chat.delivery"))
    assert refine(runner, "messages-before-close", LOST, LEAVES).same.check == "chat.delivery"


def test_a_loss_after_the_same_kind_of_steps_is_the_earlier_loss() -> None:
    runner = ScriptedRunner(
        lambda s: [LOST] if s == LEAVES else [], earlier_finding("chat.leave-notices", "leaves by close")
    )
    assert refine(runner, "messages-before-close", LOST, LEAVES).same.check == "chat.leave-notices"


def test_a_loss_in_a_departure_check_cites_the_delivery_promise() -> None:
    reported = refine(ScriptedRunner(lambda s: [LOST]), "leave-notices", LOST, LEAVES)
    assert reported.finding is not None
    assert (
        reported.finding.source
        == "Each publication reaches every member of its audience; each reply reaches its publisher."
    )


def spent(after: int) -> Callable[[Schedule], list[Finding]]:
    """Return a server that shows a loss this many times, and is then out of time."""
    schedules: list[Schedule] = []

    def show(schedule: Schedule) -> list[Finding]:
        if len(schedules) == after:
            raise BudgetSpent
        schedules.append(schedule)
        return [LOST]

    return show


TALK: Schedule = (*JOINS, Step(Action.SAY, 0))


def test_a_loss_without_budget_for_a_repetition_is_an_observation() -> None:
    reported = refine(ScriptedRunner(spent(0)), "delivery", LOST, TALK).finding
    assert reported.level is Level.OBSERVATION
    assert "--budget" in reported.explanation


def test_one_repetition_confirms_a_loss_when_the_budget_is_spent() -> None:
    reported = refine(ScriptedRunner(spent(1)), "delivery", LOST, TALK).finding
    assert reported.level is Level.VIOLATION
    assert "The retries reproduced it until the time budget ended." in reported.explanation


def test_a_wrong_receipt_is_a_violation_without_a_repetition() -> None:
    twice = replace(LOST, check="duplicated", anomaly=Anomaly.DUPLICATED)
    reported = refine(ScriptedRunner(spent(0)), "delivery", twice, TALK).finding
    assert reported.level is Level.VIOLATION
    assert "could be retried" in reported.explanation


BREAKS: Schedule = (*JOINS, Step(Action.BREAK, 1), Step(Action.SAY, 0), Step(Action.JOIN, 2))
"""A member sends a binary frame, and another one joins."""


def of_actions(*actions: Action) -> Callable[[Schedule], list[Finding]]:
    """Return a server that loses a message if a member does any of this."""
    return lambda schedule: [LOST] if any(step.action in actions for step in schedule) else []


def test_a_loss_that_needs_only_the_departure_of_a_misbehaving_member_names_the_departure() -> None:
    finding = refine(
        ScriptedRunner(of_actions(Action.BREAK, Action.LEAVE)), "binary-frame-isolation", LOST, BREAKS
    ).finding
    assert finding.explanation.startswith("A member that leaves disturbs the chat for the others: ")
    assert "The same happens if that member only leaves" in finding.explanation
    assert "> member 1 leaves by close" in finding.witness
    assert not any("binary frame" in line for line in finding.witness)


def test_a_loss_that_needs_the_misbehaviour_itself_names_it() -> None:
    finding = refine(ScriptedRunner(of_actions(Action.BREAK)), "binary-frame-isolation", LOST, BREAKS).finding
    assert finding.explanation.startswith("A binary frame from one member disturbs the chat for the others: ")
