"""Tests that faults of public bug reports are found by their cause, and that their correct twins pass."""

from __future__ import annotations

import pytest

from tests.delivery.planting import findings_of
from tests.faulty.channels.json_room_workloads import Room
from tests.faulty.channels.reported.workloads import Rooms, Viewers
from wsproof import Level, Workload
from wsproof.delivery import run_suite
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads.guarded import guarded

FAULTS: list[tuple[str, type[Workload], str, Level, str]] = [
    ("CutsRoomNames", Rooms, "room-names", Level.VIOLATION, "compare only the first characters"),
    ("EncodesRoomsAsAscii", Rooms, "room-names", Level.VIOLATION, "leave out characters that are not ASCII"),
    ("IgnoresCaseOfRooms", Rooms, "room-names", Level.NON_STRICT, "ignore the case"),
    ("DecomposesRoomNames", Rooms, "room-names", Level.NON_STRICT, "normalize the Unicode characters"),
    ("SubscribesByPattern", Rooms, "room-names", Level.NON_STRICT, "a room's name for a pattern"),
    ("EndsTheRoomWithItsCreator", Room, "last-departure", Level.VIOLATION, "had left by a close frame"),
    ("StopsWithItsFirstViewer", Viewers, "feed-restart", Level.VIOLATION, "its first viewer, left"),
    ("SendsToTheFirstHundred", Room, "volume", Level.VIOLATION, "a limited number of members"),
    ("PublishesFromThreads", Room, "order", Level.VIOLATION, "before its message"),
]
"""A faulty server, its workload, the check that finds it, the level, and words of the cause."""
CORRECT: list[tuple[str, type[Workload], str]] = [
    ("RoomServer", Rooms, "room-names"),
    ("RoomServer", Room, "room-names"),
    ("SendsUnknownRoomsToTheLobby", Rooms, "room-names"),
    ("RefusesUnusualRooms", Rooms, "room-names"),
    ("RoomServer", Room, "last-departure"),
    ("FeedServer", Viewers, "feed-restart"),
    ("AwaitsItsThreads", Room, "order"),
]
"""A correct server, its workload, and the check that must report nothing."""


def check(kind: str, workload: type[Workload], name: str) -> SuiteReport:
    options = SuiteOptions(examples=0, deadline_s=2.0, only=(f"room.{name}",))
    with serve(parse_target("tests.faulty.channels.reported.app:app", path="/ws", env=[f"KIND={kind}"])) as server:
        return run_suite(server, {"room": guarded(workload)({}, base=1)}, options)


@pytest.mark.parametrize(("kind", "workload", "name", "level", "words"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_fault_is_reported_with_its_cause(
    kind: str, workload: type[Workload], name: str, level: Level, words: str
) -> None:
    findings = [finding for finding in check(kind, workload, name).findings if finding.level is level]
    assert findings
    assert any(words in finding.explanation for finding in findings)


@pytest.mark.parametrize(("kind", "workload", "name"), CORRECT)
def test_a_correct_twin_is_not_reported(kind: str, workload: type[Workload], name: str) -> None:
    assert findings_of(check(kind, workload, name)) == []
