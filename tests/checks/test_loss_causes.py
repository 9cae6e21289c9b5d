"""Tests that a loss is explained by a limit, by the time between messages or by names only if the history fits."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.checks.histories import MS, QUIET_CHAT, Room, a_room
from wsproof import RateLimit
from wsproof.checks.delivery import lost
from wsproof.model.history import Member

WORDS = "the server seems to count the messages of all its clients together"


def explained(publishers: list[int], messages: int) -> str:
    """Return the explanation if the last message of these publishers reaches only its publisher."""
    contract = replace(QUIET_CHAT, rate_limit=RateLimit(messages, window_s=1.0))
    room: Room = a_room(3, 3, contract)
    room.now += 2_000_000_000
    for publisher in publishers[:-1]:
        room.publish(publisher)
    room.present = [publishers[-1]]
    room.publish(publishers[-1])
    (finding,) = lost(room.history(), contract)
    return finding.explanation


@pytest.mark.parametrize(
    ("publishers", "messages", "is_shared"),
    [
        ([0, 1, 2, 0, 1, 2], 4, True),
        ([0, 1, 2, 0, 1, 2], 6, False),
        ([0, 0, 0, 0, 0, 0], 4, False),
    ],
    ids=[
        "only all publishers together exceed the limit",
        "nobody exceeds the limit",
        "the publisher itself exceeds the limit",
    ],
)
def test_a_limit_on_all_together_is_the_cause_only_if_no_member_is_above_it(
    publishers: list[int], messages: int, is_shared: bool
) -> None:
    assert (WORDS in explained(publishers, messages)) is is_shared


@pytest.mark.parametrize(
    ("pauses_ms", "lost_after_ms", "is_explained"),
    [
        ([50, 0, 50, 0, 50, 0, 50], 10, True),
        ([50, 0, 50, 0, 50], 10, False),
    ],
    ids=["each message that follows at once is missing", "two are too few"],
)
def test_messages_lost_shortly_after_others_are_explained_by_the_distance_in_time(
    pauses_ms: list[int], lost_after_ms: int, is_explained: bool
) -> None:
    room = Room(QUIET_CHAT)
    for _ in range(3):
        room.now += 100 * MS
        room.join()
    for pause_ms in pauses_ms:
        room.now += pause_ms * MS
        present, room.present = room.present, room.present if pause_ms >= lost_after_ms else []
        room.publish(0)
        room.present = present
    (finding,) = lost(room.history(), QUIET_CHAT)
    assert ("keep only one of several messages in a short time" in finding.explanation) is is_explained


@pytest.mark.parametrize("lost_sequence", [0, 1])
def test_a_missing_first_message_is_explained_by_the_handshake_before_it(lost_sequence: int) -> None:
    room = a_room(2, 2, QUIET_CHAT)
    room.recorder.members.append(Member(2, "new", connected_ns=room.tick()))
    others = room.present
    for sequence in range(3):
        room.present = [] if sequence == lost_sequence else [*others, 2]
        room.publish(2)
    room.present = [*others, 2]
    (finding,) = lost(room.history(), QUIET_CHAT)
    assert ("lose messages that arrive before it is ready to read" in finding.explanation) is (lost_sequence == 0)


def test_a_server_that_leaves_out_all_connections_of_the_publisher_is_reported_as_such() -> None:
    room = Room(QUIET_CHAT)
    for name in ("a", "a", "b"):
        room.join(name)
    room.present.remove(1)
    room.publish(0)
    (finding,) = lost(room.history(), QUIET_CHAT)
    assert "leave out all connections of the publisher's name" in finding.explanation
