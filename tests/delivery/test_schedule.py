"""Tests of schedules as data: drawn from a seed, stored, and shortened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings

from wsproof import Audience, Contract, Envelope, MessageKind, Parsed, Workload
from wsproof.delivery import strategies
from wsproof.delivery.control_runs import shorten
from wsproof.delivery.properties import PROPERTIES
from wsproof.delivery.schedule import Action, LeaveBy, Misbehaviour, Schedule, Step, fitted, schedule_from_json
from wsproof.workloads import load_channels


@settings(deadline=None)
@given(strategies.conversations() | strategies.joins_and_leaves() | strategies.misbehaviours() | strategies.resets())
def test_a_schedule_survives_its_json(schedule: Schedule) -> None:
    stored = json.loads(json.dumps([step.to_json() for step in schedule]))
    assert schedule_from_json(stored) == schedule
    assert all(step.describe() for step in schedule)


def test_a_recipe_with_the_older_names_of_fields_is_read() -> None:
    older: list[dict[str, Any]] = [
        {"deed": "join", "member": 3, "again": 2, "narrow": True},
        {"deed": "break", "breaks": "an unmasked frame"},
        {"deed": "leave", "way": "reset"},
    ]
    assert schedule_from_json(older) == (
        Step(Action.JOIN, 3, rejoin_as=2, has_small_buffer=True),
        Step(Action.BREAK, misbehaviour=Misbehaviour.UNMASKED),
        Step(Action.LEAVE, leave_by=LeaveBy.RESET),
    )


def test_the_hand_written_schedules_survive_json() -> None:
    for schedule in (edge for prop in PROPERTIES for edge in prop.edges):
        assert schedule_from_json([step.to_json() for step in schedule]) == schedule


def test_the_same_seed_draws_the_same_schedules_and_another_seed_draws_different_ones() -> None:
    first, again, reseeded = (strategies.examples(strategies.bursts(), number=8, from_seed=seed) for seed in (3, 3, 4))
    assert len(first) == 8
    assert first == again
    assert first != reseeded


def test_the_channels_of_a_run_share_the_drawn_schedules() -> None:
    drawn = strategies.examples_once(strategies.bursts, 3, 7)
    assert list(drawn) == strategies.examples(strategies.bursts(), number=3, from_seed=7)
    assert strategies.examples_once(strategies.bursts, 3, 7) is drawn


def test_drawing_schedules_leaves_no_folder_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    strategies.examples(strategies.conversations(), number=3, from_seed=0)
    assert list(tmp_path.iterdir()) == []


def test_shrinking_keeps_only_the_steps_that_fail() -> None:
    noise = [Step(Action.SAY, number % 3, "noise", cuts=(5,)) for number in range(20)]
    schedule = (Step(Action.JOIN, 0), *noise, Step(Action.SAY, 1, "fatal", cuts=(7,)), *noise)

    def fails(candidate: Schedule) -> bool:
        return any(step.action is Action.JOIN for step in candidate) and any(step.body == "fatal" for step in candidate)

    shortest = shorten(schedule, fails, budget_s=60, tries=500)
    assert shortest == (Step(Action.JOIN, 0), Step(Action.SAY, 1, "fatal"))


def test_shrinking_stops_after_its_maximum_of_attempts() -> None:
    candidates = []
    schedule = tuple(Step(Action.SAY, number) for number in range(50))
    assert shorten(schedule, lambda candidate: bool(candidates.append(candidate)), budget_s=60, tries=7) == schedule  # type: ignore[func-returns-value]
    assert len(candidates) == 7


class Small(Workload):
    """A workload with two rooms and short texts, some of which are not messages."""

    name = "small"
    title = "small"
    rooms = 2
    longest_bytes = 1_000

    @property
    def contract(self) -> Contract:
        return Contract("small", Audience.EVERYONE)

    def path(self, member: int) -> str:
        return "/"

    def room_of(self, member: int) -> int:
        return member % 2

    def read(self, member: int, message: str | bytes) -> Parsed:
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


class Binary(Small):
    def publish(self, member: int, envelope: Envelope, body: str) -> bytes:
        return envelope.seal_bytes(body.encode())


TUTORIAL = load_channels("tutorial")


def all_edges(workload: Workload) -> list[Step]:
    return [step for prop in PROPERTIES for edge in prop.edges for step in fitted(edge, workload)]


def test_raw_texts_are_sent_only_where_every_text_is_a_message() -> None:
    assert any(step.plain for step in all_edges(TUTORIAL["chat"]))
    assert not any(step.plain for step in all_edges(Small()))
    drawn = strategies.examples(strategies.conversations(), number=60, from_seed=1)
    assert any(step.plain for schedule in drawn for step in schedule)
    assert not any(step.plain for schedule in drawn for step in fitted(schedule, Small()))


def test_a_raw_text_is_described_as_sent_without_publish() -> None:
    assert "publish() was not called" in Step(Action.SAY, 0, plain=True).describe()


def test_a_channel_without_rooms_has_all_members_in_one_room() -> None:
    assert {step.room for step in all_edges(TUTORIAL["chat"])} == {0}
    assert {step.room for step in all_edges(Small())} == {0, 1}


def test_texts_are_no_longer_than_the_maximum_of_the_channel() -> None:
    assert max(step.size_bytes for step in all_edges(Small())) == 1_000
    flood = Step(Action.FLOOD, 0, size_bytes=60_000, count=3)
    assert fitted((flood,), Small()) == (Step(Action.FLOOD, 0, size_bytes=1_000, count=180),)


def test_garbage_is_a_message_that_the_channel_does_not_recognise() -> None:
    breaks = {
        workload: {step.misbehaviour for step in all_edges(workload) if step.action is Action.BREAK}
        for workload in SORTS
    }
    chat, small, binary = (breaks[workload] for workload in SORTS)
    assert not chat & {Misbehaviour.NONSENSE, Misbehaviour.WRONG_SHAPE, Misbehaviour.TEXT}
    assert {Misbehaviour.NONSENSE, Misbehaviour.WRONG_SHAPE, Misbehaviour.BINARY} <= small
    assert Misbehaviour.TEXT in binary
    assert Misbehaviour.BINARY not in binary


SORTS = (TUTORIAL["chat"], Small(), Binary())
