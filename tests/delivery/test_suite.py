"""Tests that a correct server passes, and that a finding is repeated, replayed and reported once."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.delivery.planting import PATIENT_S, findings_of
from tests.slow import slow_except
from wsproof import Finding, Level, UsageError, Verdict
from wsproof.delivery import PROPERTIES, planned, replay, run_suite
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.shrink import Sighting, own_edges, refined
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.net.budget import Budget
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels

APP = "tests.faulty.channels.tutorial:app"
WORKLOADS = load_channels("tutorial", {"dashboard.period": "0.1"})
OPTIONS = SuiteOptions(examples=6, deadline_s=2.0)
PATIENT = OPTIONS.but(deadline_s=PATIENT_S)


def run(fault: str, *only: str, options: SuiteOptions = OPTIONS) -> SuiteReport:
    with serve(parse_target(APP, path="/ws", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, WORKLOADS, options.but(only=only))


@pytest.fixture(scope="module")
def sound() -> Iterator[RunningServer]:
    with serve(parse_target(APP, path="/ws")) as server:
        yield server


@pytest.mark.parametrize(
    "only", [("echo", "chat.delivery", "chat.leave", "dashboard.feed"), pytest.param((), marks=pytest.mark.slow)]
)
def test_a_correct_server_has_no_violations(sound: RunningServer, only: tuple[str, ...]) -> None:
    options = SuiteOptions(examples=5, only=only)
    report = run_suite(sound, WORKLOADS, options)
    assert [f for f in report.findings if f.level is Level.VIOLATION] == []
    assert report.verdict() is Verdict.VALID
    assert len(report.checks_run) == len(planned(WORKLOADS, options))


@pytest.mark.parametrize(("kind", "only"), [("snapshot", "dashboard"), ("fresh snapshot", "dashboard.feed")])
def test_a_feed_may_send_newcomers_a_snapshot(planted: Callable[[str], RunningServer], kind: str, only: str) -> None:
    report = run_suite(planted(kind), WORKLOADS, PATIENT.but(only=(only,)))
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


def test_a_finding_is_repeated_on_fresh_servers() -> None:
    report = run("departures are not announced", "chat.leave")
    assert [finding.reproduced for finding in report.findings] == ["3 of 3"]


def test_the_option_only_selects_the_checks_to_run(sound: RunningServer) -> None:
    report = run_suite(sound, WORKLOADS, OPTIONS.but(only=("chat.ord",), examples=1))
    assert [row.check for row in report.checks_run] == ["chat.order"]


def test_a_budget_of_zero_is_unknown_and_no_pass(sound: RunningServer) -> None:
    report = run_suite(sound, WORKLOADS, OPTIONS.but(only=("echo",), budget_s=0.0))
    assert report.verdict() is Verdict.UNKNOWN
    assert {row.reason for row in report.not_run} == {"the budget of the run is spent"}
    assert len(report.not_run) == len(planned({"echo": WORKLOADS["echo"]}, OPTIONS))
    assert report.out_of_time == len(report.not_run)


def test_what_is_left_of_the_budget_is_given_to_drawn_schedules(
    sound: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = OPTIONS.but(only=("echo.delivery", "echo.order"), budget_s=300.0)
    whole = run_suite(sound, WORKLOADS, options)
    monkeypatch.setattr("wsproof.delivery.suite._DRAW_SHARE", 0.0)  # the first pass is cut short after the edges
    resumed = run_suite(sound, WORKLOADS, options)
    assert [(row.check, row.examples, row.reason) for row in resumed.checks_run] == [
        (row.check, row.examples, "") for row in whole.checks_run
    ]
    assert (resumed.findings, resumed.not_run) == ((), ())


def test_a_wait_that_the_budget_ends_reports_nothing(planted: Callable[[str], RunningServer]) -> None:
    options = SuiteOptions(only=("echo.delivery",), budget_s=1.0, deadline_s=600.0)
    report = run_suite(planted("echo loses"), WORKLOADS, options)
    assert (report.checks_run, report.findings) == ((), ())
    assert [row.check for row in report.not_run] == ["echo.delivery"]


def test_a_finding_is_reported_when_no_time_is_left_to_repeat_it() -> None:
    workload = WORKLOADS["chat"]
    each = next(one for one in PROPERTIES if one.name == "leave-notices")
    with serve(parse_target(APP, path="/ws", env=["FAULT=departures are not announced"])) as server:
        runner = ScheduleRunner(server, workload, 0)
        schedule = own_edges(runner, each)[0]
        seen = runner.run_and_check(schedule, OPTIONS.deadline_s)
        (finding,) = each.mine(seen.findings)
        runner.budget = Budget(0.0)
        found = refined(runner, Sighting(each, finding, seen, schedule, OPTIONS.deadline_s)).finding
    assert found is not None
    assert (found.anomaly, found.reproduced) == (Anomaly.MISSING_LEAVE, None)
    assert "could not be retried" in found.explanation


def test_a_finding_can_be_replayed_from_its_recipe_alone(planted: Callable[[str], RunningServer]) -> None:
    report = run_suite(planted("echo loses"), WORKLOADS, OPTIONS.but(only=("echo.delivery",)))
    recipe = Finding.from_json(report.findings[0].to_json()).recipe
    assert recipe is not None
    with serve(parse_target(APP, path="/ws", env=["FAULT=echo loses"])) as server:
        assert [f.anomaly for f in replay(recipe, server, deadline_s=2.0)] == [Anomaly.LOST]
    with serve(parse_target(APP, path="/ws")) as server:
        assert replay(recipe, server) == []


def test_a_url_that_still_serves_after_a_violation_is_checked_completely(
    planted: Callable[[str], RunningServer],
) -> None:
    report = run_suite(planted("echo strips whitespace"), WORKLOADS, OPTIONS.but(only=("echo",)))
    assert report.checks_run[0].verdict is Verdict.INVALID
    assert [row.reason for row in report.checks_run if row.verdict is Verdict.UNKNOWN] == []
    assert len(report.checks_run) == len(planned({"echo": WORKLOADS["echo"]}, OPTIONS, owned=False))


@pytest.mark.slow
def test_a_url_that_serves_no_new_client_after_a_violation_is_not_checked_further(
    planted: Callable[[str], RunningServer],
) -> None:
    report = run_suite(
        planted("a binary frame stops all deliveries for good"), WORKLOADS, OPTIONS.but(only=("chat", "echo.order"))
    )
    rows = {row.check: row for row in report.checks_run}
    assert rows["echo.order"].verdict is Verdict.VALID
    assert rows["chat.binary-frame-isolation"].verdict is Verdict.INVALID
    assert rows["chat.slow-reader-isolation"].verdict is Verdict.UNKNOWN
    assert "chat.binary-frame-isolation broke the server" in rows["chat.slow-reader-isolation"].reason
    assert "a fresh client got no answer" in rows["chat.slow-reader-isolation"].reason


@pytest.mark.parametrize("owned", slow_except([True, False], False))
def test_a_protocol_deviation_is_reported_once_and_ends_no_check(
    planted: Callable[[str], RunningServer], owned: bool
) -> None:
    only = ("echo", "chat.delivery", "chat.order", "chat.leave", "dashboard.feed")
    fault = "an extra header + departures are announced twice"
    report = run(fault, *only) if owned else run_suite(planted(fault), WORKLOADS, OPTIONS.but(only=only))
    by_check = {finding.check: finding for finding in report.findings}
    assert set(by_check) == {"server-body-in-101", "chat.leave-notices"}
    assert len(report.findings) == 2
    assert by_check["server-body-in-101"].occurrences > 20
    assert [row.check for row in report.checks_run if row.verdict is not Verdict.VALID] == ["chat.leave-notices"]


@pytest.mark.slow
def test_a_loss_that_needs_a_step_is_not_a_repetition_of_one_that_needs_none() -> None:
    report = run(
        "chat drops long texts + chat drops messages of departed members", "chat.delivery", "chat.messages-before-close"
    )
    assert [(finding.check, finding.anomaly) for finding in report.findings] == [
        ("chat.delivery", Anomaly.LOST),
        ("chat.messages-before-close", Anomaly.LOST),
    ]


def test_a_finding_of_two_properties_is_reported_once() -> None:
    report = run("chat drops messages of departed members", "chat.leave", "chat.messages-before-close")
    (finding,) = [finding for finding in report.findings if finding.anomaly is Anomaly.LOST]
    assert "The same was seen while chat.messages-before-close was tested." in finding.explanation
    assert [row.verdict for row in report.checks_run] == [Verdict.INVALID] * 2
    assert "the same finding as that of chat.leave-notices" in report.checks_run[1].reason


def test_the_chat_of_the_fastapi_documentation_passes_with_the_tutorial_format(
    planted: Callable[[str], RunningServer],
) -> None:
    report = run_suite(planted("replies as the documentation does"), WORKLOADS, PATIENT.but(only=("chat.deliv",)))
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


def test_an_invalid_recipe_is_refused(sound: RunningServer) -> None:
    for recipe in ({}, {"workload": "chat", "property": "nonsense", "schedule": [], "seed": 0}):
        with pytest.raises(UsageError, match="recipe"):
            replay(recipe, sound)


def test_every_property_has_a_promise_and_a_unique_name() -> None:
    assert len({each.name for each in PROPERTIES}) == len(PROPERTIES)
    assert all(each.promise.endswith(".") and each.edges for each in PROPERTIES)
