"""Tests that listening members find faults that take time, and accept servers that close idle members."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.delivery.planting import findings_of, planting
from wsproof import Level, Verdict
from wsproof.delivery import run_suite
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import RunningServer
from wsproof.workloads import load_channels

APP = "tests.faulty.channels.late_faults:app"
WORKLOADS = load_channels("tutorial", {"dashboard.period": "0.05"})
CHAT = ("chat.long-lived-listeners", "chat.delivery", "chat.order", "chat.slow-reader")
ALL = ("echo.long-lived-listeners", "echo.delivery", *CHAT)


@pytest.fixture(scope="module")
def planted() -> Iterator[Callable[[str], RunningServer]]:
    with planting(APP) as plant:
        yield plant


def run(server: RunningServer, only: tuple[str, ...]) -> SuiteReport:
    return run_suite(server, WORKLOADS, SuiteOptions(examples=2, only=only))


@pytest.mark.parametrize(
    ("fault", "only", "anomaly"),
    [
        ("loses messages for long-lived members", CHAT, Anomaly.LOST),
        ("repeats messages for long-lived members", CHAT, Anomaly.DUPLICATED),
        ("the chat receives echo messages", ALL, Anomaly.MISROUTED),
    ],
)
def test_a_fault_that_only_a_long_lived_member_notices_is_reported(
    planted: Callable[[str], RunningServer], fault: str, only: tuple[str, ...], anomaly: Anomaly
) -> None:
    report = run(planted(fault), only)
    violations = [
        finding
        for finding in report.findings
        if finding.check.endswith(".long-lived-listeners") and finding.level is Level.VIOLATION
    ]
    assert [finding.anomaly for finding in violations] == [anomaly], report.findings


@pytest.mark.parametrize("kind", ["", "one connection per name"])
def test_a_correct_server_passes_the_standing_checks(planted: Callable[[str], RunningServer], kind: str) -> None:
    report = run(planted(kind), ALL)
    assert [finding for finding in report.findings if finding.level.counts] == []
    assert report.verdict() is Verdict.VALID


def test_the_check_of_standing_members_can_run_alone(planted: Callable[[str], RunningServer]) -> None:
    report = run(planted(""), ("chat.long-lived-listeners",))
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID
