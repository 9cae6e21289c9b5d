"""Judges whether a server takes two rooms with different names for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import shortened
from wsproof.checks.room_names import CHECK
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.room_shape import RoomShape

OTHER = 2
"""The place of the room that is like neither of the two similar ones."""
SHOWN = 40
"""Most characters of a room's name that a finding shows."""


@dataclass(frozen=True, slots=True)
class RoomShapeTest:
    """One run with one member in each of the three rooms of a shape.

    `deliveries` are the pairs (place, other place): the member of the first received what was published in the second.
    """

    shape: RoomShape
    deliveries: frozenset[tuple[int, int]]

    @property
    def is_served(self) -> bool:
        """Whether every member received the messages of its own room."""
        return all((place, place) in self.deliveries for place in range(3))

    @property
    def mixes(self) -> bool:
        """Whether the two similar rooms are mixed, and the third is not."""
        mixed = {pair for pair in self.deliveries if pair[0] != pair[1]}
        return self.is_served and bool(mixed) and not any(OTHER in pair for pair in mixed)


def judge_room_shapes(
    first: Sequence[RoomShapeTest], again: Sequence[RoomShapeTest], contract: Contract
) -> list[Finding]:
    """The findings that a server mixes rooms with such names. Mixed once only, they are observations.

    `again` has a second run of the shapes that were mixed in the first.
    """
    repeated = {test.shape for test in again if test.mixes}
    causes: dict[str, Finding] = {}
    for test in first:
        if test.mixes:
            causes.setdefault(test.shape.value.cause, _finding(test, test.shape in repeated, contract))
    return list(causes.values())


def _finding(test: RoomShapeTest, is_repeated: bool, contract: Contract) -> Finding:
    rooms = test.shape.value
    hearer, publisher = sorted(pair for pair in test.deliveries if pair[0] != pair[1])[0]
    own, foreign = shortened(rooms.names[hearer], SHOWN), shortened(rooms.names[publisher], SHOWN)
    explanation = (
        f"A member of the room {own} received what was published in the room {foreign}. The room "
        f"{shortened(rooms.other, SHOWN)} was not mixed with them. So the server seems to {rooms.cause}: two rooms "
        "share one key, and their members receive each other's messages."
    )
    if rooms.is_policy:
        explanation += " Some servers do so on purpose. Then the names should be refused, or shown as they are stored."
    level = Level.NON_STRICT if rooms.is_policy else Level.VIOLATION
    lines = [
        f"a member of the room {shortened(rooms.names[one], SHOWN)} received a message of the room "
        f"{shortened(rooms.names[two], SHOWN)}"
        for one, two in sorted(test.deliveries)
        if one != two
    ]
    finding = channel_finding(
        Anomaly.MISROUTED,
        contract,
        explanation,
        lines,
        level=level if is_repeated else Level.OBSERVATION,
        occurrences=1 + is_repeated,
    )
    return replace(finding, check=CHECK)
