"""Tests that a loss names the departure of another member as its cause only if it follows that departure."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tests.checks.histories import QUIET_CHAT, Room, a_room
from wsproof.checks.delivery import disconnected, lost
from wsproof.model.history import Departure


def after_a_departure(receives: Sequence[bool]) -> Room:
    """Let member 2 leave by a reset and member 0 publish. `receives` says which messages reach member 1."""
    room = a_room(3, 3, QUIET_CHAT)
    room.leave(2, Departure.RESET)
    for is_heard in receives:
        if not is_heard:
            room.present.remove(1)
        room.publish(0)
        if not is_heard:
            room.present.append(1)
    return room


def explained(room: Room) -> str:
    (finding,) = lost(room.history(), QUIET_CHAT)
    return finding.explanation


def test_receiving_nothing_after_a_departure_is_explained_by_the_departure() -> None:
    explanation = explained(after_a_departure([False, False]))
    assert "member 2 (called '3') had left by a TCP reset before that, and nothing that was sent later" in explanation


def test_missing_the_first_message_after_a_departure_is_explained_by_the_departure() -> None:
    explanation = explained(after_a_departure([False, True, True]))
    assert "had left by a TCP reset before that, and later messages arrived again" in explanation


@pytest.mark.parametrize("receives", [[True, False], [True, False, True], [False, True, False, True]])
def test_a_loss_after_messages_that_arrived_has_no_departure_as_its_cause(receives: Sequence[bool]) -> None:
    assert "had left by" not in explained(after_a_departure(receives))


def test_the_disconnection_of_a_publisher_after_a_departure_is_explained_by_the_departure() -> None:
    room = after_a_departure([True])
    room.change(0, left_ns=room.tick(), departure=Departure.DROPPED, close_code=1011)
    (finding,) = disconnected(room.history(), QUIET_CHAT)
    assert (
        "member 2 (called '3') had left by a TCP reset before that, and the disconnected member" in finding.explanation
    )


def test_a_disconnection_without_a_publication_since_the_departure_has_no_such_cause() -> None:
    room = after_a_departure([True])
    room.change(1, left_ns=room.tick(), departure=Departure.DROPPED, close_code=1011)
    (finding,) = disconnected(room.history(), QUIET_CHAT)
    assert "had left by" not in finding.explanation
