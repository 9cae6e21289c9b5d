"""Tests of the findings about rooms with similar names."""

from __future__ import annotations

import pytest

from tests.checks.histories import QUIET_CHAT
from wsproof import Level
from wsproof.checks.room_names import RoomNamesTest, judge_room_names
from wsproof.model.finding import Anomaly

ROOMS = (1, 11, 22, 21)
OWN = frozenset((room, room) for room in ROOMS)


def room_names_test(*mixed: tuple[int, int]) -> RoomNamesTest:
    return RoomNamesTest(ROOMS, OWN | frozenset(mixed))


def test_rooms_that_receive_messages_of_rooms_with_the_same_prefix_are_a_violation() -> None:
    (finding,) = judge_room_names([room_names_test((1, 11)), room_names_test((1, 11))], QUIET_CHAT)
    assert (finding.anomaly, finding.level) == (Anomaly.MISROUTED, Level.VIOLATION)
    assert "A member of room 1 received what was published in room 11" in finding.explanation


def test_a_fault_seen_once_is_an_observation() -> None:
    (finding,) = judge_room_names([room_names_test((11, 1))], QUIET_CHAT)
    assert finding.level is Level.OBSERVATION


@pytest.mark.parametrize(
    "trials",
    [
        [],
        [room_names_test()],
        [room_names_test((11, 22), (22, 11), (21, 22), (22, 21), (11, 21), (21, 11))] * 2,
        [room_names_test((1, 11), (11, 21))] * 2,
        [RoomNamesTest(ROOMS, frozenset({(1, 11)}))] * 2,
        [room_names_test((1, 11)), room_names_test((11, 1))],
    ],
    ids=[
        "nothing was tested",
        "nothing is mixed",
        "a room for all that are not known",
        "rooms by the last digit",
        "members that do not hear their own room",
        "another pair each time",
    ],
)
def test_messages_between_rooms_with_another_reason_are_not_reported(trials: list[RoomNamesTest]) -> None:
    assert judge_room_names(trials, QUIET_CHAT) == []
