"""Tests of several connections under one name, and of members that receive only a part of their room."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.checks.histories import CHAT, MS, QUIET_CHAT, Room, a_room
from wsproof.checks import run_checks
from wsproof.checks.delivery import disconnected, lost
from wsproof.checks.presence import missing_leave
from wsproof.checks.same_name import early_user_leave
from wsproof.checks.split_audience import split_audience
from wsproof.model.history import Departure, History, Outcome, PresenceNotice


def two_connections(*, told: bool = True) -> Room:
    """Return member 0 and two connections (1 and 2) of a user named bo, the first of which closes."""
    room = Room(QUIET_CHAT)
    room.join()
    room.join(name="bo")
    room.join(name="bo")
    room.change(1, left_ns=room.tick(), departure=Departure.CLOSED)
    room.here.remove(1)
    if told:
        notice(room, 0, left=True)
    return room


def notice(room: Room, subscriber: int, *, left: bool, at: int = 0) -> None:
    room.recorder.notices.append(PresenceNotice(subscriber, "bo", left, at or room.tick()))


def came(room: Room, times: int) -> Room:
    """Notify member 0 this many times that bo has joined."""
    for member in range(1, 1 + times):
        notice(room, 0, left=False, at=room.recorder.members[member].connected_ns)
    return room


def test_no_leave_notice_is_expected_while_another_connection_of_the_name_is_open() -> None:
    (found,) = early_user_leave(came(two_connections(), 1).history(), QUIET_CHAT)
    assert "when one of its two connections ended, and the other was open" in found.explanation


@pytest.mark.parametrize(
    "room",
    [
        came(two_connections(), 2),  # it tells of each connection, both ways
        two_connections(),  # it tells of no arrivals, so nothing is known
        came(two_connections(told=False), 1),  # it waits for the last one
    ],
    ids=["each connection", "no arrivals", "the last one"],
)
def test_leave_notices_per_connection_or_for_the_last_one_only_are_correct(room: Room) -> None:
    assert run_checks(room.history(), QUIET_CHAT) == []


def test_a_missing_leave_notice_for_the_last_connection_is_reported() -> None:
    room = two_connections(told=False)
    room.change(2, left_ns=room.tick(), departure=Departure.CLOSED)
    room.here.remove(2)
    (found,) = missing_leave(room.history(), QUIET_CHAT)
    assert found.explanation.startswith("member 0 (called '1') was never told that member 2 (called 'bo') had left")


def one_that_hears_nothing(member: int, *, first_left: bool) -> History:
    """Return two connections of bo, one of which misses a message, possibly after the first connection has closed."""
    room = two_connections() if first_left else a_room(1, 0, QUIET_CHAT)
    if not first_left:
        room.join(name="bo")
        room.join(name="bo")
    room.here.remove(member)
    room.say(0)
    return room.history()


def test_an_old_connection_whose_end_removes_the_new_one_is_reported_as_the_cause() -> None:
    (found,) = lost(one_that_hears_nothing(2, first_left=True), QUIET_CHAT)
    assert "the end of the old connection seems to have removed the new one" in found.explanation


def test_a_server_that_sends_only_to_the_latest_connection_is_reported() -> None:
    (found,) = lost(one_that_hears_nothing(1, first_left=False), QUIET_CHAT)
    assert "send to the latest connection of a name only" in found.explanation


def test_a_server_may_close_the_older_of_two_connections_of_one_name() -> None:
    room = two_connections()
    room.change(1, departure=Departure.DROPPED, close_code=4001)
    assert disconnected(room.history(), QUIET_CHAT) == []
    room.change(2, name="somebody else")
    assert disconnected(room.history(), QUIET_CHAT) != []


def a_split_room(groups: tuple[tuple[int, ...], ...], deaf: tuple[int, ...] = ()) -> History:
    """Return members that receive only messages of their own group. Deaf members receive only their own messages."""
    room = Room(replace(CHAT, replies=False, agreed_order=False))

    def hearers(publisher: int) -> list[int]:
        (own,) = (group for group in groups if publisher in group)
        came = range(len(room.recorder.members))
        return [member for member in own if member == publisher or (member in came and member not in deaf)]

    for number in range(sum(map(len, groups))):
        room.here = [member for member in hearers(number) if member != number]
        room.join()
    for publisher in [member for group in groups for member in group] * 2:
        room.here = hearers(publisher)
        room.say(publisher)
    room.now += 10_000 * MS
    return room.history()


def test_disconnected_groups_are_reported_with_their_members() -> None:
    (found,) = split_audience(a_split_room(((0, 2, 4), (1, 3))), QUIET_CHAT)
    assert "form 2 groups that receive only their own messages: 0, 2, 4 | 1, 3." in found.explanation
    assert "workers or processes without a shared backplane" in found.explanation


@pytest.mark.parametrize(
    "history",
    [
        a_split_room(((0, 1, 2, 3),)),
        a_split_room(((0, 1, 2, 3),), deaf=(3,)),
        a_split_room(((0, 1, 2), (3,))),
        a_split_room(((0,), (1,), (2,), (3,))),
    ],
    ids=["one room", "one is deaf", "one is alone", "all are alone"],
)
def test_isolated_members_are_not_reported_as_separate_workers(history: History) -> None:
    assert split_audience(history, QUIET_CHAT) == []


def test_rooms_are_not_reported_as_separate_workers() -> None:
    room = Room(QUIET_CHAT)
    for number in range(6):
        room.join(room=number % 2)
    for number in range(6):
        room.say(number)
    assert split_audience(room.history(), QUIET_CHAT) == []


def test_members_that_receive_only_their_own_messages_are_reported() -> None:
    (found,) = lost(a_split_room(((0,), (1,), (2,))), QUIET_CHAT)
    assert "Every member receives only its own messages." in found.explanation


def test_groups_of_which_only_one_misses_messages_are_not_reported_as_separate_workers() -> None:
    history = a_split_room(((0, 1), (2, 3)))
    assert split_audience(history, QUIET_CHAT) != []
    sent = history.publications
    uncertain = np.where(sent.publisher >= 2, Outcome.INFO, sent.outcome)
    assert split_audience(replace(history, publications=replace(sent, outcome=uncertain)), QUIET_CHAT) == []
