"""Tests of the rounds of the check resource-release, with a server whose memory is computed."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from wsproof import Audience, Contract
from wsproof.checks.release import ROUNDS, ReleaseRecord, ReleaseRound, judge_release
from wsproof.delivery import release_probe
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget

SIZE = release_probe.MOST_MEMBERS
Held = Callable[[int, int], int]
"""Bytes that a server keeps of a round of so many members, of whom so many were connected at once."""


def run(monkeypatch: pytest.MonkeyPatch, kept: Held, *, most_joined: int = 100_000) -> ReleaseRecord:
    """Return the record of a server that keeps `kept` of each round, and refuses all but `most_joined` members."""

    def fake_round(self: Any, size: int, at_once: int = SIZE) -> int:
        count: int = min(size, most_joined - self.joined)
        before = self.rounds[-1].memory_bytes if self.rounds else 20_000_000
        self.joined += count
        self.rounds.append(ReleaseRound(count, 14, 5, before + kept(count, at_once)))
        return count

    monkeypatch.setattr(release_probe._Rounds, "_round", fake_round)
    monkeypatch.setattr(release_probe._Rounds, "_is_turned_away", lambda self: True)
    monkeypatch.setattr(release_probe, "PROBE_S", 3_600.0)
    runner: Any = SimpleNamespace(server=SimpleNamespace(pid=None), budget=Budget(None), first=0)
    return release_probe._Rounds(runner, SuiteOptions()).run()


def checks(record: ReleaseRecord) -> list[str]:
    return [finding.check for finding in judge_release(record, Contract("chat", Audience.EVERYONE))]


def test_members_in_turn_confirm_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    record = run(monkeypatch, lambda count, _: count * 50_000)
    assert (len(record.rounds), record.memory_growth.members) == (ROUNDS + 1, 480)
    assert checks(record) == ["memory-not-freed"]
    assert release_probe._remark(record) == ""


def test_a_small_leak_needs_more_members(monkeypatch: pytest.MonkeyPatch) -> None:
    record = run(monkeypatch, lambda count, _: count * 16_384)
    assert record.memory_growth.members == 1_032
    assert checks(record) == ["memory-not-freed"]


def test_garbage_of_members_that_are_connected_at_once_is_not_a_leak(monkeypatch: pytest.MonkeyPatch) -> None:
    record = run(monkeypatch, lambda count, at_once: count * (12_000 if at_once > 1 else 500))
    assert record.memory_growth.members == 480
    assert checks(record) == []
    assert release_probe._remark(record) == ""


def test_without_growth_no_members_join_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    record = run(monkeypatch, lambda count, _: 0)
    assert (len(record.rounds), record.in_turn) == (ROUNDS + 1, ())
    assert checks(record) == []


def test_a_refusal_ends_the_members_in_turn_without_a_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    record = run(monkeypatch, lambda count, _: count * 50_000, most_joined=300)
    assert record.memory_growth.members == 300 - (ROUNDS + 1) * SIZE
    assert checks(record) == []
    assert release_probe._remark(record).startswith(
        "the server's memory grew by 48.8 KiB for each of 84 members that joined and left; more members are needed"
    )
