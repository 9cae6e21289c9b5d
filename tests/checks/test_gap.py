"""Tests of gaps: a late joiner expects every message between an older and a newer one that it received."""

from __future__ import annotations

import pytest

from tests.checks.histories import CHAT, Room, a_room, a_room_with_a_late_joiner
from wsproof import Contract, Order
from wsproof.checks.delivery import duplicated
from wsproof.checks.gap import early_deliveries, early_publications, gap


def test_a_gap_between_history_and_live_messages_is_reported_with_its_bounds() -> None:
    findings = gap(a_room_with_a_late_joiner(0, 6).history(), CHAT)
    assert [finding.occurrences for finding in findings] == [2]
    assert "received message 4 and message 7, and never 2 messages from 5 to 6" in findings[0].explanation


@pytest.mark.parametrize(
    ("room", "contract"),
    [
        (a_room_with_a_late_joiner(0, 4), CHAT),  # Nothing is missing.
        (a_room_with_a_late_joiner(2, 4), CHAT),  # The history has only the latest messages.
        (a_room_with_a_late_joiner(4, 6), CHAT),  # There is no history, and the live messages begin late.
        (a_room_with_a_late_joiner(0, 5, refused=(4,)), CHAT),  # The server did not accept message 4.
        (a_room_with_a_late_joiner(0, 6), Contract("chat", CHAT.audience, Order.NONE)),
    ],
    ids=["whole", "the latest only", "late", "not accepted", "no order"],
)
def test_a_correct_server_has_no_gap(room: Room, contract: Contract) -> None:
    assert gap(room.history(), contract) == []


@pytest.mark.parametrize(("live_from", "streams"), [(4, []), (6, [(2, 0)])])
def test_later_messages_are_collected_only_in_streams_that_lack_an_early_one(
    live_from: int, streams: list[tuple[int, int]]
) -> None:
    room = a_room_with_a_late_joiner(0, live_from)
    room.present.append(2)
    for _ in range(50):
        room.publish(0)
    history = room.history()
    received = early_deliveries(history, early_publications(history))
    assert [stream for stream, rows in received.items() if len(rows) > 50] == streams


def test_a_duplicate_of_a_message_sent_during_the_join_names_the_overlap() -> None:
    room = a_room_with_a_late_joiner(0, 3)
    room.publish(0)
    room.receive(2, 0, room.sequences[0] - 1)
    (duplicate,) = duplicated(room.history(), CHAT)
    assert "the live messages overlap" in duplicate.explanation


def with_second_welcome(*, older: bool) -> Room:
    """Let member 1 repeat its greeting and receive a duplicate, published before (`older`) or after the greeting."""
    room = a_room(2, 2)
    room.change(1, greeted_again_ns=room.tick() if not older else room.now + 50_000_000)
    sequence = room.publish(0)
    room.receive(1, 0, sequence)
    return room


def test_a_duplicate_after_a_second_welcome_names_it() -> None:
    (duplicate,) = duplicated(with_second_welcome(older=False).history(), CHAT)
    assert "had sent its greeting a second time" in duplicate.explanation


def test_a_second_welcome_may_repeat_the_history() -> None:
    assert duplicated(with_second_welcome(older=True).history(), CHAT) == []


def test_concurrent_connections_under_one_name_explain_duplicates() -> None:
    room = a_room(1, 0)
    for _ in range(2):
        room.join(name="bo")
    sequence = room.publish(0)
    for member in (1, 2):
        room.receive(member, 0, sequence)
    (duplicate,) = duplicated(room.history(), CHAT)
    assert "one of several connections of one name" in duplicate.explanation
