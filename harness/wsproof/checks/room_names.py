"""Judges whether a server mixes rooms whose names are alike, such as 1 and 11."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wsproof.checks.check import channel_finding
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level

CHECK = "room-names"
"""The name of the check, and of the probe whose members are in such rooms."""


@dataclass(frozen=True, slots=True)
class RoomNamesTest:
    """One run with one member in each of some rooms, each of which published.

    `deliveries` are the pairs (room, other room): a member of the first received what was published in the second. A
    member that does not receive the messages of its own room proves nothing.
    """

    rooms: tuple[int, ...]
    deliveries: frozenset[tuple[int, int]]

    @property
    def are_served(self) -> bool:
        """Whether every member received the messages of its own room."""
        return all((room, room) in self.deliveries for room in self.rooms)

    @property
    def mixed(self) -> frozenset[tuple[int, int]]:
        """The pairs of different rooms of which one receives messages of the other."""
        return frozenset(pair for pair in self.deliveries if pair[0] != pair[1])

    def are_similar(self, room: int, other: int) -> bool:
        """Whether the number of one room begins or ends with that of the other."""
        first, second = str(room), str(other)
        return first.startswith(second) or second.startswith(first) or first.endswith(second) or second.endswith(first)


def judge_room_names(tests: Sequence[RoomNamesTest], contract: Contract) -> list[Finding]:
    """The finding that rooms with similar names are mixed, and no others.

    A server that knows only some rooms may put all other members into one of its own, or into one of theirs. Then rooms
    with different names are mixed, too, and nothing is reported.
    """
    if not tests or not all(test.are_served and test.mixed for test in tests):
        return []
    if any(not test.are_similar(*pair) for test in tests for pair in test.mixed):
        return []
    if len({test.mixed for test in tests}) > 1:
        return []
    room, other = sorted(tests[0].mixed)[0]
    explanation = (
        f"A member of room {room} received what was published in room {other}, {len(tests)} times. Members of rooms "
        "with dissimilar numbers did not receive each other's messages. So the server seems to compare only a part of "
        "the rooms' names: with a prefix, or with a pattern of channels."
    )
    lines = [f"a member of room {own} received a message of room {other}" for own, other in sorted(tests[0].mixed)]
    level = Level.VIOLATION if len(tests) > 1 else Level.OBSERVATION
    finding = channel_finding(Anomaly.MISROUTED, contract, explanation, lines, level=level, occurrences=len(tests))
    return [replace(finding, check=CHECK)]
