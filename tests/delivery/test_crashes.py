"""Tests that a crash of wsproof affects one property of a channel only, also while a finding is repeated."""

from __future__ import annotations

import pytest

from wsproof import Level, Verdict
from wsproof.delivery import property_run, run_suite
from wsproof.delivery.runner import ScheduleResult, ScheduleRunner
from wsproof.delivery.schedule import Schedule
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels

APP = "tests.faulty.channels.tutorial:app"
WORKLOADS = load_channels("tutorial", {"dashboard.period": "0.1"})


def run(fault: str, *only: str) -> SuiteReport:
    with serve(parse_target(APP, path="/ws", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, WORKLOADS, SuiteOptions(examples=2, only=only))


def crash(*_: object) -> None:
    raise ZeroDivisionError("on purpose")


def test_a_crash_in_the_check_of_one_channel_leaves_the_other_channels_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run_and_check = ScheduleRunner.run_and_check

    def crashing(runner: ScheduleRunner, schedule: Schedule, deadline_s: float) -> ScheduleResult:
        if runner.workload.name == "echo":
            crash()
        return run_and_check(runner, schedule, deadline_s)

    monkeypatch.setattr(ScheduleRunner, "run_and_check", crashing)
    report = run("", "echo.order", "chat.order")
    crashed, sound = report.checks_run
    assert (crashed.check, crashed.verdict) == ("echo.order", Verdict.UNKNOWN)
    assert "ZeroDivisionError: on purpose" in crashed.reason
    assert "Traceback (most recent call last)" in crashed.traceback
    assert (sound.check, sound.verdict, sound.traceback) == ("chat.order", Verdict.VALID, "")


def test_a_crash_while_a_finding_is_repeated_keeps_the_finding_as_an_observation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(property_run, "refined", crash)
    report = run("departures are not announced", "chat.leave", "chat.order")
    assert [(finding.anomaly, finding.level) for finding in report.findings] == [
        (Anomaly.MISSING_LEAVE, Level.OBSERVATION)
    ]
    assert "could not be retried" in report.findings[0].explanation
    crashed, sound = sorted(report.checks_run, key=lambda run: not run.traceback)
    assert (crashed.check, crashed.verdict) == ("chat.leave-notices", Verdict.UNKNOWN)
    assert (sound.check, sound.verdict) == ("chat.order", Verdict.VALID)
