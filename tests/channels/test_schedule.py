"""Schedules are data: drawn the same for the same seed, stored, and shortened."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings

from wsproof.channels import strategies
from wsproof.channels.properties import PROPERTIES
from wsproof.channels.schedule import Deed, Schedule, Step, schedule_from_json
from wsproof.channels.shortening import shorten


@settings(deadline=None)
@given(strategies.conversations() | strategies.comings_and_goings() | strategies.offences() | strategies.deaths())
def test_a_schedule_survives_its_json(schedule: Schedule) -> None:
    stored = json.loads(json.dumps([step.to_json() for step in schedule]))
    assert schedule_from_json(stored) == schedule
    assert all(step.describe() for step in schedule)


def test_the_edges_survive_their_json() -> None:
    for schedule in (edge for each in PROPERTIES for edge in each.edges):
        assert schedule_from_json([step.to_json() for step in schedule]) == schedule


def test_the_same_seed_draws_the_same_and_another_draws_others() -> None:
    first, again, other = (strategies.examples(strategies.bursts(), number=8, from_seed=seed) for seed in (3, 3, 4))
    assert len(first) == 8
    assert first == again
    assert first != other


def test_drawing_leaves_no_folder_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    strategies.examples(strategies.conversations(), number=3, from_seed=0)
    assert list(tmp_path.iterdir()) == []


def test_a_schedule_is_shortened_to_what_fails() -> None:
    noise = [Step(Deed.SAY, number % 3, "noise", cuts=(5,)) for number in range(20)]
    schedule = (Step(Deed.JOIN, 0), *noise, Step(Deed.SAY, 1, "fatal", cuts=(7,)), *noise)

    def fails(candidate: Schedule) -> bool:
        return any(step.deed is Deed.JOIN for step in candidate) and any(step.body == "fatal" for step in candidate)

    shortest = shorten(schedule, fails, budget_s=60, tries=500)
    assert shortest == (Step(Deed.JOIN, 0), Step(Deed.SAY, 1, "fatal"))


def test_shortening_stops_after_its_tries() -> None:
    asked = []
    schedule = tuple(Step(Deed.SAY, number) for number in range(50))
    assert shorten(schedule, lambda candidate: bool(asked.append(candidate)), budget_s=60, tries=7) == schedule  # type: ignore[func-returns-value]
    assert len(asked) == 7
