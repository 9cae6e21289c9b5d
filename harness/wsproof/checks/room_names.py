"""Judges whether a server mixes rooms whose names are alike, such as 1 and 11."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wsproof.checks.check import found
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level

CHECK = "room-names"
"""The name of the check, and of the probe whose members are in such rooms."""


@dataclass(frozen=True, slots=True)
class RoomTrial:
    """One member in each of some rooms, each of which published.

    `heard` are the pairs (room, other room) of which a member of the first heard what was published in the second.
    A member always hears its own room, or nothing is known of it.
    """

    rooms: tuple[int, ...]
    heard: frozenset[tuple[int, int]]

    @property
    def are_served(self) -> bool:
        """Whether every member heard its own room."""
        return all((room, room) in self.heard for room in self.rooms)

    @property
    def mixed(self) -> frozenset[tuple[int, int]]:
        """The pairs of different rooms of which one hears the other."""
        return frozenset(pair for pair in self.heard if pair[0] != pair[1])

    def alike(self, one: int, other: int) -> bool:
        """Whether the number of one room begins or ends with that of the other."""
        first, second = str(one), str(other)
        return first.startswith(second) or second.startswith(first) or first.endswith(second) or second.endswith(first)


def judge_room_names(trials: Sequence[RoomTrial], contract: Contract) -> list[Finding]:
    """The finding that rooms with similar names are mixed, and no others.

    A server that knows only some rooms may put all other members into one of its own, or into one of theirs. Then rooms
    whose names are not alike are mixed, too, and nothing is told.
    """
    if not trials or not all(trial.are_served and trial.mixed for trial in trials):
        return []
    if any(not trial.alike(*pair) for trial in trials for pair in trial.mixed):
        return []
    if len({trial.mixed for trial in trials}) > 1:
        return []
    room, other = sorted(trials[0].mixed)[0]
    told = (
        f"A member of room {room} received what was published in room {other}, {len(trials)} times. Members of rooms "
        "whose numbers are not alike did not hear each other. So the server seems to compare only a part of the rooms' "
        "names: with a prefix, or with a pattern of channels."
    )
    lines = [f"a member of room {one} received a message of room {its}" for one, its in sorted(trials[0].mixed)]
    level = Level.VIOLATION if len(trials) > 1 else Level.OBSERVATION
    finding = found(Anomaly.MISROUTED, contract, told, lines, level=level, occurrences=len(trials))
    return [replace(finding, check=CHECK)]
