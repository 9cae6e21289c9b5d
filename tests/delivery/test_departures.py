"""Tests that a fault after any kind of departure is found, and that the finding names the departure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.delivery.planting import findings_of, planting
from tests.faulty.segments import segments
from wsproof import Finding, Level, Verdict
from wsproof.checks import run_checks
from wsproof.delivery import run_suite
from wsproof.delivery.departures import CODES, DEPARTURES, LONGEST_REASON
from wsproof.delivery.execute import ScheduleExecution, execute
from wsproof.delivery.pool_settings import PoolSettings
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import parse_target
from wsproof.wire.codes import is_close_code_sendable
from wsproof.workloads import load_channels

APP = "tests.faulty.channels.late_faults:app"
WORKLOADS = {"chat": load_channels("tutorial")["chat"]}
ONLY = SuiteOptions(only=("chat.departures",))


@pytest.fixture(scope="module")
def planted() -> Iterator[Callable[[str], RunningServer]]:
    with planting(APP) as plant:
        yield plant


def violations_of(report: SuiteReport) -> list[Finding]:
    return [finding for finding in report.findings if finding.level.counts]


def test_close_codes_are_sendable_and_the_reason_has_the_maximum_length() -> None:
    assert all(is_close_code_sendable(code) for code in CODES)
    assert len(LONGEST_REASON.encode()) == 123
    assert len(DEPARTURES) > 20


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("does not announce departures with unusual close codes", "by a close frame with code 10"),
        ("ignores departures with private close codes", "by a close frame with code 3000"),
        ("stops serving after a close without a code", ""),
        pytest.param("announces one of several simultaneous departures", "", marks=pytest.mark.slow),
    ],
)
def test_a_fault_after_one_kind_of_departure_is_reported(
    planted: Callable[[str], RunningServer], fault: str, words: str
) -> None:
    findings = violations_of(run_suite(planted(fault), WORKLOADS, ONLY.but(deadline_s=2.0)))
    assert Anomaly.MISSING_LEAVE in {finding.anomaly for finding in findings}
    assert any(words in finding.explanation for finding in findings)


def test_a_correct_server_announces_every_departure_and_passes(planted: Callable[[str], RunningServer]) -> None:
    report = run_suite(planted(""), WORKLOADS, ONLY)
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


def test_a_server_that_stops_serving_after_a_departure_is_a_violation() -> None:
    with serve(parse_target(APP, path="/ws", env=["FAULT=stops serving when the last member leaves"])) as server:
        report = run_suite(server, WORKLOADS, ONLY.but(only=("chat.last-departure",)))
    (finding,) = report.findings
    assert (finding.anomaly, finding.level) == (Anomaly.NOTHING_RECEIVED, Level.VIOLATION)
    assert "served its members before, and then it stopped" in finding.explanation


CUT_SHORT = [
    departure for departure in DEPARTURES if "in the middle of" in departure or "between two fragments" in departure
]

ABRUPT = [
    *((departure, "discards") for departure in CUT_SHORT),
    (CUT_SHORT[-1], "reads"),
    ("a close frame, and TCP RST at once", "resets"),
]
"""The way in which a member leaves, and what the server does with its unread messages."""


def execution_with_departure(departure: str, *, mode: str) -> tuple[ScheduleExecution, list[Finding]]:
    """Let a member publish and leave in one segment. Then the others publish."""
    schedule: Schedule = (
        *(Step(Action.JOIN, number) for number in (0, 1, 2)),
        Step(Action.SETTLE),
        Step(Action.SAY, 2, "goodbye"),
        Step(Action.DEPART, 2, how=departure),
        Step(Action.SETTLE),
        Step(Action.SAY, 0, "hello"),
        Step(Action.SETTLE),
        Step(Action.SAY, 0, "hello again"),
    )
    workload = WORKLOADS["chat"]
    with segments(mode) as endpoint:
        execution = execute(schedule, PoolSettings(endpoint, workload, first=0, deadline_s=2.0, seed=0))
    return execution, run_checks(execution.history, workload.contract)


@pytest.mark.parametrize(("departure", "mode"), ABRUPT)
def test_no_delivery_is_expected_of_messages_discarded_at_an_abrupt_disconnect(departure: str, mode: str) -> None:
    execution, findings = execution_with_departure(departure, mode=mode)
    assert findings == []
    assert execution.well


@pytest.mark.parametrize(
    ("mode", "anomaly"),
    [("loses another member's message", Anomaly.LOST), ("omits the leave notice", Anomaly.MISSING_LEAVE)],
)
def test_complete_messages_before_a_truncated_one_are_expected_to_be_delivered(mode: str, anomaly: Anomaly) -> None:
    _, findings = execution_with_departure("a close frame between two fragments", mode=mode)
    assert {finding.anomaly for finding in findings if finding.level.counts} == {anomaly}
