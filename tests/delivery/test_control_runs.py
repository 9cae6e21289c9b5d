"""A neighbour is to blame when the harm comes back, and does not come without what it did."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from wsproof.delivery.control_runs import REPEATS, ControlRuns, events_of, run_controls, without_misbehaviour
from wsproof.delivery.properties import PROPERTIES
from wsproof.delivery.schedule import Action, LeaveBy, Misbehaviour, Schedule, Step

MISBEHAVIOUR = (
    Step(Action.JOIN, 0),
    Step(Action.JOIN, 1, has_small_buffer=True),
    Step(Action.BREAK, 1, misbehaviour=Misbehaviour.UNMASKED),
    Step(Action.LEAVE, 1),
    Step(Action.SAY, 0, "after"),
)
CONTROL = (Step(Action.JOIN, 0), Step(Action.JOIN, 1), Step(Action.SAY, 0, "after"))


def answers(*values: bool) -> Callable[[Schedule], bool]:
    """A server that answers so, and is asked no more often than that."""
    rest = iter(values)
    return lambda _: next(rest)


def never(schedule: Schedule) -> bool:
    return False


def test_a_control_has_the_same_words_and_nothing_that_harms() -> None:
    assert without_misbehaviour(MISBEHAVIOUR) == CONTROL


def test_one_who_leaves_in_peace_has_done_nothing() -> None:
    polite = (Step(Action.JOIN, 0), Step(Action.LEAVE, 0, leave_by=LeaveBy.CLOSE))
    assert without_misbehaviour(polite) == polite


def test_the_events_of_a_schedule_are_phrases() -> None:
    assert events_of(MISBEHAVIOUR) == {"sends an unmasked frame", "leaves by close"}
    assert events_of(tuple(Step(action) for action in Action)) >= {"stops reading", "abandons a handshake"}


def test_every_property_that_accuses_somebody_has_a_control() -> None:
    accusing = [each for each in PROPERTIES if each.headline]
    assert accusing
    for each in accusing:
        assert all(without_misbehaviour(edge) != edge for edge in each.edges), each.name


def test_what_fails_each_time_and_never_without_the_step_is_proven() -> None:
    trial = run_controls(MISBEHAVIOUR, answers(True, True, True), answers(False, False, False))
    assert trial == ControlRuns(REPEATS, REPEATS, REPEATS)
    assert trial.proves


def test_what_fails_now_and_then_takes_twice_as_many_control_runs() -> None:
    trial = run_controls(MISBEHAVIOUR, answers(True, False, True), answers(*[False] * 6))
    assert trial == ControlRuns(2, 6, 6)
    assert trial.proves


@pytest.mark.parametrize("dirty", range(6))
def test_one_control_run_that_fails_acquits(dirty: int) -> None:
    controls = [number == dirty for number in range(6)]
    assert not run_controls(MISBEHAVIOUR, answers(True, True, False), answers(*controls)).proves


def test_what_comes_back_seldom_proves_nothing() -> None:
    assert run_controls(MISBEHAVIOUR, answers(False, True, False), answers(False)) == ControlRuns(1, 1, 1)
    assert not ControlRuns(1, 1, 1).proves


def test_a_server_that_fails_by_chance_is_seldom_accused() -> None:
    """All the ways in which three repetitions and the control runs can come out, weighed, for each rate of failure."""

    def accused(rate: float) -> float:
        well = 1 - rate
        return 3 * rate**2 * well * well**6 + rate**3 * well**3

    assert max(accused(percent / 100) for percent in range(101)) < 0.035


def test_what_never_comes_back_proves_nothing() -> None:
    assert not run_controls(MISBEHAVIOUR, never, never).proves


def test_where_there_is_nothing_to_leave_out_nobody_is_accused() -> None:
    assert not run_controls(CONTROL, answers(True, True, True), never).proves
