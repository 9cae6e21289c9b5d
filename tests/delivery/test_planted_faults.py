"""Tests that every planted fault is found by the right property."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from wsproof import Verdict
from wsproof.delivery import run_suite
from wsproof.model.chapter import SuiteName
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions
from wsproof.target.server import RunningServer
from wsproof.workloads import load_channels

WORKLOADS = load_channels("tutorial", {"dashboard.period": "0.1"})


@dataclass(frozen=True)
class Exactly(SuiteOptions):
    """Options that select checks by their whole name: feed does not select feed-restart."""

    def wants(self, check: str, section: str, suite: SuiteName | None = None) -> bool:
        return check in self.only


OPTIONS = Exactly(examples=6, deadline_s=2.0)

PLANTED: list[tuple[str, str, Anomaly]] = [
    ("echo strips whitespace", "echo.delivery", Anomaly.CORRUPT),
    ("echo loses", "echo.delivery", Anomaly.LOST),
    ("echo swaps", "echo.order", Anomaly.REORDERED),
    ("echo repeats", "echo.delivery", Anomaly.DUPLICATED),
    ("chat loses", "chat.delivery", Anomaly.LOST),
    ("chat repeats", "chat.delivery", Anomaly.DUPLICATED),
    ("chat does not include the sender", "chat.delivery", Anomaly.LOST),
    ("chat corrupts long texts", "chat.delivery", Anomaly.CORRUPT),
    ("chat truncates long texts", "chat.delivery", Anomaly.CORRUPT),
    ("chat drops long texts", "chat.delivery", Anomaly.LOST),
    ("chat forgets replies", "chat.delivery", Anomaly.LOST),
    ("replies to all", "chat.delivery", Anomaly.MISROUTED),
    ("chat mixes up names", "chat.delivery", Anomaly.CORRUPT),
    ("chat invents a message", "chat.delivery", Anomaly.PHANTOM),
    ("chat disconnects active members", "chat.delivery", Anomaly.LOST),
    ("chat forgets its third member", "chat.delivery", Anomaly.LOST),
    ("chat swaps", "chat.order", Anomaly.REORDERED),
    ("chat has no total order", "chat.order", Anomaly.REORDERED),
    ("departures are not announced", "chat.leave-notices", Anomaly.MISSING_LEAVE),
    ("abrupt departures are not announced", "chat.leave-notices", Anomaly.MISSING_LEAVE),
    ("proper departures are not announced", "chat.leave-notices", Anomaly.MISSING_LEAVE),
    ("departures are announced twice", "chat.leave-notices", Anomaly.DUPLICATE_LEAVE),
    ("departures of the wrong member are announced", "chat.leave-notices", Anomaly.PHANTOM),
    ("messages of departed members are repeated", "chat.leave-notices", Anomaly.MESSAGE_AFTER_LEAVE),
    ("a binary frame stops all deliveries", "chat.binary-frame-isolation", Anomaly.STALLED_BY_OTHER_MEMBER),
    ("chat waits for each member", "chat.slow-reader-isolation", Anomaly.STALLED_BY_OTHER_MEMBER),
    ("a producer per viewer", "dashboard.feed", Anomaly.LEAKED_PRODUCER),
    ("different values per viewer", "dashboard.feed", Anomaly.LEAKED_PRODUCER),
    ("the dashboard is too fast", "dashboard.feed", Anomaly.WRONG_PERIOD),
    ("the dashboard is too slow", "dashboard.feed", Anomaly.WRONG_PERIOD),
    ("an impossible CPU usage", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("a fractional number of users", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("NaN", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("no memory usage", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("invalid JSON", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("the dashboard repeats each object", "dashboard.feed", Anomaly.WRONG_PERIOD),
    ("snapshot + a producer per viewer", "dashboard.feed", Anomaly.LEAKED_PRODUCER),
    ("snapshot + different values per viewer", "dashboard.feed", Anomaly.LEAKED_PRODUCER),
    ("snapshot + nothing follows", "dashboard.feed", Anomaly.LOST),
    ("snapshot + the snapshot is empty", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("a binary frame stops the dashboard", "dashboard.feed-binary-frame-isolation", Anomaly.STALLED_BY_OTHER_MEMBER),
    ("the dashboard does not restart", "dashboard.feed-restart", Anomaly.NOTHING_RECEIVED),
]


@pytest.mark.parametrize(("fault", "check", "anomaly"), PLANTED, ids=[planted_fault[0] for planted_fault in PLANTED])
def test_a_planted_fault_is_found_by_the_right_property(
    planted: Callable[[str], RunningServer], fault: str, check: str, anomaly: Anomaly
) -> None:
    report = run_suite(planted(fault), WORKLOADS, OPTIONS.but(only=(check,)))
    assert anomaly in {finding.anomaly for finding in report.findings}, report.findings
    first_finding = next(finding for finding in report.findings if finding.anomaly is anomaly)
    assert (first_finding.check, first_finding.section) == (check, check.partition(".")[0])
    assert first_finding.recipe is not None
    assert any(line.startswith("> member 0 joins") for line in first_finding.witness)


def test_a_server_may_announce_departures_later_than_a_schedule_waits(planted: Callable[[str], RunningServer]) -> None:
    options = OPTIONS.but(only=("chat.leave-notices",), examples=0)
    report = run_suite(planted("departures are announced late"), WORKLOADS, options)
    assert report.findings == ()
    (row,) = report.checks_run
    assert row.verdict is Verdict.VALID
    assert row.reason.startswith("the server tells the others of a departure after ")
