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
    """Options that leave out other checks whose names begin like the one that is asked for, such as feed-restart."""

    def wants(self, check: str, section: str, suite: SuiteName | None = None) -> bool:
        return check in self.only


OPTIONS = Exactly(examples=6, deadline_s=2.0)

PLANTED: list[tuple[str, str, Anomaly]] = [
    ("echo strips", "echo.delivery", Anomaly.CORRUPT),
    ("echo loses", "echo.delivery", Anomaly.LOST),
    ("echo swaps", "echo.order", Anomaly.REORDERED),
    ("echo repeats", "echo.delivery", Anomaly.DUPLICATED),
    ("chat loses", "chat.delivery", Anomaly.LOST),
    ("chat repeats", "chat.delivery", Anomaly.DUPLICATED),
    ("chat does not include the sender", "chat.delivery", Anomaly.LOST),
    ("chat damages", "chat.delivery", Anomaly.CORRUPT),
    ("chat shortens", "chat.delivery", Anomaly.CORRUPT),
    ("chat drops what is long", "chat.delivery", Anomaly.LOST),
    ("chat forgets replies", "chat.delivery", Anomaly.LOST),
    ("replies to all", "chat.delivery", Anomaly.MISROUTED),
    ("chat mixes up names", "chat.delivery", Anomaly.CORRUPT),
    ("chat invents", "chat.delivery", Anomaly.PHANTOM),
    ("chat cuts talkers off", "chat.delivery", Anomaly.LOST),
    ("chat forgets its third member", "chat.delivery", Anomaly.LOST),
    ("chat swaps", "chat.order", Anomaly.REORDERED),
    ("chat has no one order", "chat.order", Anomaly.REORDERED),
    ("nobody is told who leaves", "chat.leave-notices", Anomaly.MISSING_LEAVE),
    ("an abrupt end is not told", "chat.leave-notices", Anomaly.MISSING_LEAVE),
    ("a close is not told", "chat.leave-notices", Anomaly.MISSING_LEAVE),
    ("who leaves is told twice", "chat.leave-notices", Anomaly.DUPLICATE_LEAVE),
    ("the wrong one is said to leave", "chat.leave-notices", Anomaly.PHANTOM),
    ("the gone are heard again", "chat.leave-notices", Anomaly.MESSAGE_AFTER_LEAVE),
    ("a binary frame ends all", "chat.binary-frame-isolation", Anomaly.STALLED_BY_OTHER_MEMBER),
    ("chat waits for each", "chat.slow-reader-isolation", Anomaly.STALLED_BY_OTHER_MEMBER),
    ("a producer for each", "dashboard.feed", Anomaly.LEAKED_PRODUCER),
    ("figures for each", "dashboard.feed", Anomaly.LEAKED_PRODUCER),
    ("the dashboard hurries", "dashboard.feed", Anomaly.WRONG_PERIOD),
    ("the dashboard dawdles", "dashboard.feed", Anomaly.WRONG_PERIOD),
    ("more than all of the cpu", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("one and a half users", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("no number", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("no memory", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("no json", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("the dashboard stutters", "dashboard.feed", Anomaly.WRONG_PERIOD),
    ("snapshot + a producer for each", "dashboard.feed", Anomaly.LEAKED_PRODUCER),
    ("snapshot + figures for each", "dashboard.feed", Anomaly.LEAKED_PRODUCER),
    ("snapshot + nothing follows", "dashboard.feed", Anomaly.LOST),
    ("snapshot + the snapshot is empty", "dashboard.feed", Anomaly.OUT_OF_RANGE),
    ("the dashboard dies of a binary frame", "dashboard.feed-binary-frame-isolation", Anomaly.STALLED_BY_OTHER_MEMBER),
    ("the dashboard does not start again", "dashboard.feed-restart", Anomaly.NOTHING_RECEIVED),
]


@pytest.mark.parametrize(("fault", "check", "anomaly"), PLANTED, ids=[kill[0] for kill in PLANTED])
def test_a_planted_fault_is_found_by_the_right_property(
    planted: Callable[[str], RunningServer], fault: str, check: str, anomaly: Anomaly
) -> None:
    report = run_suite(planted(fault), WORKLOADS, OPTIONS.but(only=(check,)))
    assert anomaly in {finding.anomaly for finding in report.findings}, report.findings
    finding_ = next(finding for finding in report.findings if finding.anomaly is anomaly)
    assert (finding_.check, finding_.section) == (check, check.partition(".")[0])
    assert finding_.recipe is not None
    assert any(line.startswith("> member 0 joins") for line in finding_.witness)


def test_a_server_may_announce_departures_later_than_a_schedule_waits(planted: Callable[[str], RunningServer]) -> None:
    options = OPTIONS.but(only=("chat.leave-notices",), examples=0)
    report = run_suite(planted("who leaves is told later"), WORKLOADS, options)
    assert report.findings == ()
    (row,) = report.checks_run
    assert row.verdict is Verdict.VALID
    assert row.reason.startswith("the server tells the others of a departure after ")
