"""Tests of doubts about a load of Locust users, on histories built by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wsproof import Audience, Contract, Measurement
from wsproof.model.history import Departure, History, Member, Publications, Receipts
from wsproof.model.plan import Plan
from wsproof.stats.load_doubts import load_doubts

NONE = np.zeros(0, np.int64)
PLAN = Plan("chat", 2, 2, 20.0, 1.0, 0.0, 120)


def measured(*members: Member, audience: Audience = Audience.EVERYONE) -> Measurement:
    history = History(Publications(*[NONE] * 6), Receipts(*[NONE] * 7), members, end_ns=1_000)
    return Measurement(PLAN, Contract("chat", audience), history)


def member(number: int, room: int = 0) -> Member:
    return Member(number, str(number), connected_ns=1, in_ns=2, room=room)


def codes(measurement: Measurement, *, is_ramp_complete: bool = True) -> dict[str, bool]:
    doubts = load_doubts(measurement, is_ramp_complete=is_ramp_complete, users_asked=9)
    return {doubt.caution.code: doubt.caution.voids_medians for doubt in doubts}


def test_a_complete_load_of_several_users_raises_no_doubt() -> None:
    assert codes(measured(member(0), member(1))) == {}


@pytest.mark.parametrize(("audience", "alone"), [(Audience.EVERYONE, True), (Audience.OTHERS, True)])
def test_a_load_of_one_user_in_a_room_gives_no_result(audience: Audience, alone: bool) -> None:
    assert codes(measured(member(0), audience=audience)) == {"one-member": alone}


def test_an_echo_needs_no_second_member() -> None:
    assert codes(measured(member(0), audience=Audience.PUBLISHER)) == {}


def test_a_room_with_one_member_beside_larger_rooms_is_reported_and_voids_nothing() -> None:
    assert codes(measured(member(0), member(1), member(2, room=1))) == {"one-member": False}


def test_users_that_were_not_answered_are_missing_and_those_stopped_after_the_window_are_not() -> None:
    unanswered = replace(member(2), connected_ns=0, in_ns=0, departure=Departure.CLOSED, left_ns=500)
    assert codes(measured(member(0), member(1), unanswered)) == {"users-missing": True}
    assert codes(measured(member(0), member(1), replace(unanswered, left_ns=2_000))) == {}


def test_each_user_that_was_not_answered_is_missing_once_however_often_it_tried() -> None:
    unanswered = replace(member(2), connected_ns=0, in_ns=0, departure=Departure.CLOSED, left_ns=500)
    again = replace(unanswered, number=3, replaces=2)
    joined = replace(member(4), replaces=3)
    (doubt,) = load_doubts(measured(member(0), member(1), unanswered, again), is_ramp_complete=True, users_asked=3)
    assert "1 of 3 users" in doubt.caution.message
    assert codes(measured(member(0), member(1), unanswered, again, joined)) == {}


def test_an_unfinished_ramp_is_reported() -> None:
    assert codes(measured(member(0), member(1)), is_ramp_complete=False) == {"ramp-not-ended": True}
