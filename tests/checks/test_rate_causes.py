"""Tests that a loss is explained by a limit on all members together only where that explains it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.checks.histories import QUIET_CHAT, Room, a_room
from wsproof.checks.delivery import lost
from wsproof.model.contract import RateLimit

WORDS = "the server seems to count the messages of all its clients together"


def explained(publishers: list[int], messages: int) -> str:
    """The explanation where the last message of these publishers reaches nobody but its publisher."""
    contract = replace(QUIET_CHAT, rate_limit=RateLimit(messages, window_s=1.0))
    room: Room = a_room(3, 3, contract)
    room.now += 2_000_000_000
    for publisher in publishers[:-1]:
        room.say(publisher)
    room.here = [publishers[-1]]
    room.say(publishers[-1])
    (found,) = lost(room.history(), contract)
    return found.explanation


@pytest.mark.parametrize(
    ("publishers", "messages", "is_shared"),
    [
        ([0, 1, 2, 0, 1, 2], 4, True),
        ([0, 1, 2, 0, 1, 2], 6, False),
        ([0, 0, 0, 0, 0, 0], 4, False),
    ],
    ids=["all together are above the limit", "nobody is above the limit", "the publisher itself is above it"],
)
def test_a_limit_on_all_together_is_the_cause_only_if_no_member_is_above_it(
    publishers: list[int], messages: int, is_shared: bool
) -> None:
    assert (WORDS in explained(publishers, messages)) is is_shared
