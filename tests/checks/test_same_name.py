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


def two_connections(*, is_announced: bool = True) -> Room:
    """Return member 0 and two connections (1 and 2) of a user named bo, the first of which closes."""
    room = Room(QUIET_CHAT)
    room.join()
    room.join(name="bo")
    room.join(name="bo")
    room.change(1, left_ns=room.tick(), departure=Departure.CLOSED)
    room.present.remove(1)
    if is_announced:
        notice(room, 0, is_leave=True)
    return room


def notice(room: Room, subscriber: int, *, is_leave: bool, at: int = 0) -> None:
    room.recorder.notices.append(PresenceNotice(subscriber, "bo", is_leave, at or room.tick()))


def with_join_notices(room: Room, times: int) -> Room:
    """Notify member 0 this many times that bo has joined."""
    for member in range(1, 1 + times):
        notice(room, 0, is_leave=False, at=room.recorder.members[member].connected_ns)
    return room


def test_no_leave_notice_is_expected_while_another_connection_of_the_name_is_open() -> None:
    (finding,) = early_user_leave(with_join_notices(two_connections(), 1).history(), QUIET_CHAT)
    assert "when one of its two connections ended, and the other was open" in finding.explanation


@pytest.mark.parametrize(
    "room",
    [
        with_join_notices(two_connections(), 2),  # The server announces each connection and each departure.
        two_connections(),  # The server announces no arrivals, so its rule is unknown.
        with_join_notices(two_connections(is_announced=False), 1),  # The server announces only the last departure.
    ],
    ids=["each connection", "no arrivals", "the last one"],
)
def test_leave_notices_per_connection_or_for_the_last_one_only_are_correct(room: Room) -> None:
    assert run_checks(room.history(), QUIET_CHAT) == []


def test_a_missing_leave_notice_for_the_last_connection_is_reported() -> None:
    room = two_connections(is_announced=False)
    room.change(2, left_ns=room.tick(), departure=Departure.CLOSED)
    room.present.remove(2)
    (finding,) = missing_leave(room.history(), QUIET_CHAT)
    assert finding.explanation.startswith("member 0 (called '1') was never told that member 2 (called 'bo') had left")


def connection_that_misses_a_message(member: int, *, first_left: bool) -> History:
    """Return two connections of bo, one of which misses a message, possibly after the first connection has closed."""
    room = two_connections() if first_left else a_room(1, 0, QUIET_CHAT)
    if not first_left:
        room.join(name="bo")
        room.join(name="bo")
    room.present.remove(member)
    room.publish(0)
    return room.history()


def test_an_old_connection_whose_end_removes_the_new_one_is_reported_as_the_cause() -> None:
    (finding,) = lost(connection_that_misses_a_message(2, first_left=True), QUIET_CHAT)
    assert "the end of the old connection seems to have removed the new one" in finding.explanation


def test_a_server_that_sends_only_to_the_latest_connection_is_reported() -> None:
    (finding,) = lost(connection_that_misses_a_message(1, first_left=False), QUIET_CHAT)
    assert "send to the latest connection of a name only" in finding.explanation


def test_a_server_may_close_the_older_of_two_connections_of_one_name() -> None:
    room = two_connections()
    room.change(1, departure=Departure.DROPPED, close_code=4001)
    assert disconnected(room.history(), QUIET_CHAT) == []
    room.change(2, name="somebody else")
    assert disconnected(room.history(), QUIET_CHAT) != []


def room_in_groups(groups: tuple[tuple[int, ...], ...], deaf: tuple[int, ...] = ()) -> History:
    """Return members that receive only messages of their own group. Deaf members receive only their own messages."""
    room = Room(replace(CHAT, replies=False, agreed_order=False))

    def recipients(publisher: int) -> list[int]:
        (own,) = (group for group in groups if publisher in group)
        everybody = range(len(room.recorder.members))
        return [member for member in own if member == publisher or (member in everybody and member not in deaf)]

    for number in range(sum(map(len, groups))):
        room.present = [member for member in recipients(number) if member != number]
        room.join()
    for publisher in [member for group in groups for member in group] * 2:
        room.present = recipients(publisher)
        room.publish(publisher)
    room.now += 10_000 * MS
    return room.history()


def test_disconnected_groups_are_reported_with_their_members() -> None:
    (finding,) = split_audience(room_in_groups(((0, 2, 4), (1, 3))), QUIET_CHAT)
    assert "form 2 groups that receive only their own messages: 0, 2, 4 | 1, 3." in finding.explanation
    assert "workers or processes without a shared backplane" in finding.explanation


@pytest.mark.parametrize(
    "history",
    [
        room_in_groups(((0, 1, 2, 3),)),
        room_in_groups(((0, 1, 2, 3),), deaf=(3,)),
        room_in_groups(((0, 1, 2), (3,))),
        room_in_groups(((0,), (1,), (2,), (3,))),
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
        room.publish(number)
    assert split_audience(room.history(), QUIET_CHAT) == []


def test_members_that_receive_only_their_own_messages_are_reported() -> None:
    (finding,) = lost(room_in_groups(((0,), (1,), (2,))), QUIET_CHAT)
    assert "Every member receives only its own messages." in finding.explanation


def test_groups_of_which_only_one_misses_messages_are_not_reported_as_separate_workers() -> None:
    history = room_in_groups(((0, 1), (2, 3)))
    assert split_audience(history, QUIET_CHAT) != []
    sent = history.publications
    uncertain = np.where(sent.publisher >= 2, Outcome.INFO, sent.outcome)
    assert split_audience(replace(history, publications=replace(sent, outcome=uncertain)), QUIET_CHAT) == []
