"""Tests of the idle period at the end of a suite. The clock is fake."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import pytest

from wsproof.checks.standing_history import GRACE_NS
from wsproof.delivery.idle_period import run_idle_period
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.delivery.standing import StandingAudience
from wsproof.delivery.suite import planned
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import BudgetSpent
from wsproof.workloads import load_channels

HELLO: Schedule = (Step(Action.JOIN, 0), Step(Action.SAY, 0, "hello"))
GRACE_S = GRACE_NS / 1e9


@dataclass
class Scene:
    """Standing members that the server disconnects after some seconds, and what the period does."""

    cut_after_s: float = 1e9
    now_s: float = 0.0
    events: list[str] = field(default_factory=list)
    is_spent: bool = False

    @property
    def has_open_members(self) -> bool:
        return self.now_s < self.cut_after_s

    def wait(self, seconds: float) -> None:
        self.now_s += seconds

    def gather(self) -> None:
        self.events.append(f"join at {self.now_s:.0f} s")

    def run_and_check(self, schedule: Schedule, deadline_s: float) -> None:
        assert (schedule, deadline_s) == (HELLO, 5.0)
        self.events.append(f"publish at {self.now_s:.0f} s")
        if self.is_spent:
            raise BudgetSpent

    def play(self, idle_s: float) -> None:
        runner = SimpleNamespace(gather=self.gather, run_and_check=self.run_and_check)
        run_idle_period(
            cast(StandingAudience, self),
            [cast(ScheduleRunner, runner)],
            idle_s,
            lambda runner: (HELLO,),
            deadline_s=5.0,
            wait=self.wait,
        )


@pytest.mark.parametrize("is_spent", [False, True])
def test_members_are_silent_for_the_whole_period_and_then_one_publishes(is_spent: bool) -> None:
    scene = Scene(is_spent=is_spent)
    scene.play(30.0)
    assert scene.events == ["join at 0 s", "publish at 30 s"]
    assert scene.now_s == pytest.approx(30 + GRACE_S), "the last messages have time to arrive"


def test_the_period_ends_early_if_the_server_disconnects_all_members() -> None:
    scene = Scene(cut_after_s=7.0)
    scene.play(3600.0)
    assert scene.events == ["join at 0 s"]
    assert scene.now_s == pytest.approx(7.0, abs=0.2)


def test_the_option_changes_no_check() -> None:
    workloads = load_channels("tutorial")
    assert planned(workloads, SuiteOptions(idle_s=60.0)) == planned(workloads, SuiteOptions())
