"""Tests of control runs: a bystander is the cause if the failure recurs with its misbehaviour and not without it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wsproof.delivery.control_runs import (
    REPEATS,
    ControlRuns,
    events_of,
    leaving_instead,
    run_controls,
    without_misbehaviour,
)
from wsproof.delivery.properties import PROPERTIES
from wsproof.delivery.schedule import Action, LeaveBy, Misbehaviour, Schedule, Step
from wsproof.net.budget import BudgetSpent

MISBEHAVIOUR = (
    Step(Action.JOIN, 0),
    Step(Action.JOIN, 1, has_small_buffer=True),
    Step(Action.BREAK, 1, misbehaviour=Misbehaviour.UNMASKED),
    Step(Action.LEAVE, 1),
    Step(Action.SAY, 0, "after"),
)
CONTROL = (Step(Action.JOIN, 0), Step(Action.JOIN, 1), Step(Action.SAY, 0, "after"))


def answers(*values: bool) -> Callable[[Schedule], bool]:
    """Return a server that gives these answers and fails when it is asked again."""
    remaining = iter(values)
    return lambda _: next(remaining)


def never(schedule: Schedule) -> bool:
    return False


def test_the_control_schedule_has_the_same_messages_without_the_misbehaviour() -> None:
    assert without_misbehaviour(MISBEHAVIOUR) == CONTROL


def test_a_misbehaving_member_may_leave_instead() -> None:
    leaves, settle = Step(Action.LEAVE, 1), Step(Action.SETTLE)
    assert leaving_instead(MISBEHAVIOUR) == (*CONTROL[:2], leaves, settle, CONTROL[2])
    stays = (*MISBEHAVIOUR[:3], Step(Action.SAY, 1), Step(Action.SAY, 0), Step(Action.JOIN, 2, rejoin_as=1))
    assert leaving_instead(stays) == (
        *CONTROL[:2],
        leaves,
        settle,
        Step(Action.SAY, 0),
        Step(Action.JOIN, 2, rejoin_as=1),
    )
    assert leaving_instead(CONTROL) == CONTROL


def on(departure: bool, *later: bool) -> Callable[[Schedule], bool]:
    """Return a server that fails in the schedule itself, and with a departure in its place as these answers say."""
    rest = iter((departure, *later))
    return lambda schedule: schedule == MISBEHAVIOUR or next(rest)


@pytest.mark.parametrize(
    ("fails", "is_departure"), [(on(True, True, True), True), (on(True, True, False), False), (on(False), False)]
)
def test_a_failure_that_needs_only_the_departure_is_not_caused_by_the_misbehaviour(
    fails: Callable[[Schedule], bool], is_departure: bool
) -> None:
    runs = run_controls(MISBEHAVIOUR, fails, never)
    assert (runs.needs_departure_only, runs.proves) == (is_departure, not is_departure)


def test_a_departure_is_not_tried_if_the_time_is_over() -> None:
    def fails(schedule: Schedule) -> bool:
        if schedule != MISBEHAVIOUR:
            raise BudgetSpent
        return True

    assert run_controls(MISBEHAVIOUR, fails, never).proves


def test_a_silent_client_joins_in_the_control_run_since_a_server_may_limit_its_connections() -> None:
    silent = (Step(Action.JOIN, 0), Step(Action.JOIN, 1, silent=True), Step(Action.JOIN, 2), Step(Action.SAY, 0, "a"))
    control = without_misbehaviour(silent)
    assert control == (*(Step(Action.JOIN, number) for number in range(3)), Step(Action.SAY, 0, "a"))
    assert "sends nothing after its handshake" not in events_of(control)


def test_a_member_that_closes_properly_does_not_misbehave() -> None:
    polite = (Step(Action.JOIN, 0), Step(Action.LEAVE, 0, leave_by=LeaveBy.CLOSE))
    assert without_misbehaviour(polite) == polite


def test_the_events_of_a_schedule_are_phrases() -> None:
    assert events_of(MISBEHAVIOUR) == {"sends an unmasked frame", "leaves by close"}
    assert events_of(tuple(Step(action) for action in Action)) >= {"stops reading", "abandons a handshake"}


def test_every_property_that_names_a_cause_has_a_control_schedule() -> None:
    accusing = [each for each in PROPERTIES if each.headline]
    assert accusing
    for each in accusing:
        assert all(without_misbehaviour(edge) != edge for edge in each.edges), each.name


def test_a_failure_in_each_repetition_and_in_no_control_run_proves_the_cause() -> None:
    runs = run_controls(MISBEHAVIOUR, answers(True, True, True, False), answers(False, False, False))
    assert runs == ControlRuns(REPEATS, REPEATS, REPEATS)
    assert runs.proves


def test_an_intermittent_failure_takes_twice_as_many_control_runs() -> None:
    runs = run_controls(MISBEHAVIOUR, answers(True, False, True, False), answers(*[False] * 6))
    assert runs == ControlRuns(2, 6, 6)
    assert runs.proves


@pytest.mark.parametrize("failing", range(6))
def test_one_failing_control_run_disproves_the_cause(failing: int) -> None:
    controls = [number == failing for number in range(6)]
    assert not run_controls(MISBEHAVIOUR, answers(True, True, False), answers(*controls)).proves


def test_a_failure_in_one_repetition_of_three_proves_no_cause() -> None:
    assert run_controls(MISBEHAVIOUR, answers(False, True, False), answers(False)) == ControlRuns(1, 1, 1)
    assert not ControlRuns(1, 1, 1).proves


def test_a_server_that_fails_at_random_gives_less_than_4_percent_false_positives() -> None:
    """Compute all outcomes of three repetitions and the control runs, weighted, for each failure rate."""

    def false_positive_rate(rate: float) -> float:
        well = 1 - rate
        return 3 * rate**2 * well * well**6 + rate**3 * well**3

    assert max(false_positive_rate(percent / 100) for percent in range(101)) < 0.035


def test_a_failure_that_no_repetition_shows_proves_no_cause() -> None:
    assert not run_controls(MISBEHAVIOUR, never, never).proves


def test_a_schedule_without_misbehaviour_proves_no_cause() -> None:
    assert not run_controls(CONTROL, answers(True, True, True), never).proves
