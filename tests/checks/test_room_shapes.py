"""Tests of the findings about rooms that a server takes for one."""

from __future__ import annotations

import pytest

from tests.checks.histories import QUIET_CHAT
from wsproof import Level
from wsproof.checks.room_shapes import RoomShapeTest, judge_room_shapes
from wsproof.model.room_shape import RoomShape

OWN = {(place, place) for place in range(3)}


def shape_test(*mixed: tuple[int, int], shape: RoomShape = RoomShape.LONG) -> RoomShapeTest:
    return RoomShapeTest(shape, frozenset(OWN | set(mixed)))


def test_two_long_names_that_are_mixed_twice_are_a_violation() -> None:
    tests = [shape_test((0, 1))]
    (finding,) = judge_room_shapes(tests, tests, QUIET_CHAT)
    assert finding.level is Level.VIOLATION
    assert "compare only the first characters of the rooms' names" in finding.explanation


def test_names_that_some_servers_mix_on_purpose_are_non_strict() -> None:
    tests = [shape_test((0, 1), shape=RoomShape.CASE)]
    (finding,) = judge_room_shapes(tests, tests, QUIET_CHAT)
    assert finding.level is Level.NON_STRICT


def test_names_that_are_mixed_once_are_an_observation() -> None:
    (finding,) = judge_room_shapes([shape_test((1, 0))], [shape_test()], QUIET_CHAT)
    assert finding.level is Level.OBSERVATION


def test_two_shapes_of_one_cause_are_one_finding() -> None:
    tests = [shape_test((0, 1)), shape_test((0, 1), shape=RoomShape.MEDIUM)]
    assert len(judge_room_shapes(tests, tests, QUIET_CHAT)) == 1


@pytest.mark.parametrize(
    "test",
    [
        shape_test(),
        shape_test((0, 1), (0, 2)),  # one room for all names that the server does not know
        RoomShapeTest(RoomShape.LONG, frozenset({(0, 0), (2, 2), (0, 1)})),  # one member is not served
    ],
)
def test_names_that_are_not_mixed_or_not_served_are_no_finding(test: RoomShapeTest) -> None:
    assert judge_room_shapes([test], [test], QUIET_CHAT) == []
