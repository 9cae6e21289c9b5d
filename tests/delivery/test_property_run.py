"""Tests of one property's run, with a server that raises instead of one that runs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest

from wsproof import TargetError
from wsproof.delivery.catalogue import properties_of
from wsproof.delivery.delivery_property import DeliveryProperty
from wsproof.delivery.property_run import run_property
from wsproof.delivery.runner import ScheduleRunner
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget
from wsproof.target.server import RunningServer
from wsproof.workloads import load_channels

CHAT = load_channels("tutorial")["chat"]


def not_ready(*arguments: object) -> None:
    raise TargetError("nobody listened there within 0.001 s")


def spent_to_the_retries() -> Budget:
    """A budget of 100 s of which only the time for retries is left."""
    now_s = [0]
    budget = Budget(100.0, clock=lambda: now_s[0] * 1_000_000_000)
    now_s[0] = 97
    return budget


@pytest.mark.parametrize(
    ("budget", "is_spent"), [(Budget(0.0), True), (spent_to_the_retries(), True), (Budget(None), False)]
)
def test_a_server_that_is_not_ready_when_the_budget_ends_is_not_judged(
    monkeypatch: pytest.MonkeyPatch, budget: Budget, is_spent: bool
) -> None:
    monkeypatch.setattr(ScheduleRunner, "run_and_check", not_ready)
    server = cast("RunningServer", SimpleNamespace(owned=True))
    runner = ScheduleRunner(server, CHAT, seed=0, budget=budget)
    each = next(property_ for property_ in properties_of(CHAT) if isinstance(property_, DeliveryProperty))
    report = run_property(runner, each, SuiteOptions(), {})
    assert len(report.findings) == (not is_spent)
    assert len(report.not_run) == is_spent
