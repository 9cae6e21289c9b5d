"""Tests that each check ends within its budget, and that checks not run are listed without a violation.

The deadline of each wait is far longer than the budget, so one unbounded wait fails the test.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import pytest

from tests.faulty.running import FaultyServer
from tests.faulty.unresponsive import InProcessServer, unresponsive_server
from wsproof import CannotTellError, TargetError, Verdict
from wsproof.conformance.catalogue import ROBUSTNESS_TESTS
from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.explore import explore
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessTest
from wsproof.conformance.script import Script
from wsproof.conformance.session import ServerGone, Session, open_session
from wsproof.conformance.suite import CHECKS, PROPERTIES, run_suite
from wsproof.delivery import run_suite as run_channels
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget, BudgetSpent
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.workloads import load_channels

DEADLINE_S = 120.0
FACTS = EndpointProfile(prefix="", binary=True, deflate=True, largest_bytes=70_000)


class EndsInTime:
    """Checks that a block takes less time than one unbounded wait."""

    def __enter__(self) -> None:
        self._begun = time.monotonic()

    def __exit__(self, *_: object) -> None:
        assert time.monotonic() - self._begun < DEADLINE_S


@pytest.mark.parametrize("kind", ["slow-accept", "late", "reads-on", "one-at-a-time"])
def test_a_run_ends_with_its_budget_and_lists_the_checks_not_run(kind: str) -> None:
    with unresponsive_server(kind) as server, EndsInTime():
        report = run_suite(server, SuiteOptions(budget_s=2.0, deadline_s=DEADLINE_S))
    named = {run.check for run in report.checks_run} | {check.check for check in report.not_run}
    assert {tested.name for tested in CHECKS} <= named
    assert "the budget of 2 s is spent" in {check.reason for check in report.not_run}


@pytest.fixture(scope="module")
def slow() -> Iterator[InProcessServer]:
    with unresponsive_server("slow-accept") as server:
        yield server


@pytest.mark.parametrize("test", ROBUSTNESS_TESTS, ids=[test.name for test in ROBUSTNESS_TESTS])
def test_each_robustness_test_ends_with_the_budget(slow: InProcessServer, test: RobustnessTest) -> None:
    budget = Budget(0.5)
    endpoint = slow.endpoint.within(budget)
    with EndsInTime():
        try:
            context = RobustnessContext(endpoint, FACTS, None, DEADLINE_S, budget)
            try:
                test.run(context)
            finally:
                context.close()
        except (BudgetSpent, TargetError):
            pass


def test_channels_end_with_the_budget(slow: InProcessServer) -> None:
    channels = load_channels("tutorial")
    url = f"ws://{slow.endpoint.host}:{slow.endpoint.port}/ws"
    with serve(parse_target(url)) as server, EndsInTime():
        report = run_channels(server, channels, SuiteOptions(budget_s=1.0, deadline_s=DEADLINE_S))
    assert report.not_run
    assert report.verdict() is not Verdict.VALID or report.checks_run


def test_a_server_that_never_answers_gives_no_verdict() -> None:
    with (
        unresponsive_server("silent") as server,
        EndsInTime(),
        pytest.raises(TargetError, match=r"sent nothing for 1 s"),
    ):
        run_suite(server, SuiteOptions(budget_s=60.0, deadline_s=1.0))


def test_silence_during_a_timeout_shortened_by_the_budget_is_no_evidence() -> None:
    with unresponsive_server("silent") as server, EndsInTime():
        report = run_suite(server, SuiteOptions(budget_s=1.5, deadline_s=DEADLINE_S))
    assert report.verdict() is Verdict.UNKNOWN
    (row,) = report.checks_run
    assert "sent nothing for 1.5 s" in row.reason
    assert "--budget" in row.reason


def test_a_server_that_keeps_crashing_is_restarted_a_limited_number_of_times(
    faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each conversation kills the server, and nothing is learned after the third."""
    attempted: list[Script] = []

    def deadly(subject: Session, script: Script) -> list[object]:
        attempted.append(script)
        subject.restarts += 1
        return []

    monkeypatch.setattr(Session, "attempt", deadly)
    drawn = next(tested for tested in PROPERTIES if tested.name == "mask-any")
    with open_session(faulty.with_fault(""), SuiteOptions()) as subject:
        assert "repeatedly stopped serving" in explore(subject, drawn)
        assert len(attempted) == 3


def test_a_server_that_crashes_during_the_probe_is_restarted_and_probed_again(
    faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    restarts: list[None] = []
    monkeypatch.setattr(FaultyServer, "restart", lambda server: restarts.append(None))
    answers: Iterator[TargetError | EndpointProfile] = iter([TargetError("it died"), FACTS])

    def probe(*_: object, **__: object) -> EndpointProfile:
        answer = next(answers)
        if isinstance(answer, EndpointProfile):
            return answer
        raise answer

    monkeypatch.setattr("wsproof.conformance.session.probe", probe)
    with open_session(faulty.with_fault(""), SuiteOptions()) as subject:
        assert subject.profile == FACTS
    assert len(restarts) == 1


def test_a_server_that_crashes_at_each_probe_cannot_be_checked(
    faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def probe(*_: object, **__: object) -> EndpointProfile:
        raise TargetError("it died")

    monkeypatch.setattr(FaultyServer, "restart", lambda server: None)
    monkeypatch.setattr("wsproof.conformance.session.probe", probe)
    with (
        pytest.raises(CannotTellError, match="stopped serving during the probe: it died"),
        open_session(faulty.with_fault(""), SuiteOptions()),
    ):
        pass


def test_a_server_that_cannot_be_restarted_ends_the_run_with_its_results(
    faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def restart(server: FaultyServer) -> None:
        raise TargetError("the port is in use")

    monkeypatch.setattr(FaultyServer, "restart", restart)
    with open_session(faulty.with_fault(""), SuiteOptions()) as subject, pytest.raises(ServerGone, match="in use"):
        subject.restart()


def test_generated_scripts_have_a_share_of_the_budget(faulty: FaultyServer) -> None:
    drawn = next(tested for tested in PROPERTIES if tested.name == "mask-any")
    with open_session(faulty.with_fault(""), SuiteOptions(deadline_s=DEADLINE_S)) as subject:
        subject.draw_s = 0.0
        before = subject.scripts_run
        edges = list(drawn.edges(subject.profile)) if drawn.edges is not None else []
        assert "share of the budget ended after 1 generated" in explore(subject, drawn)
        assert subject.scripts_run - before == len(edges) + 1
        subject.draw_s = math.inf
        assert explore(subject, drawn) == ""


def test_no_chapter_takes_the_budget_of_the_others(faulty: FaultyServer) -> None:
    tested = next(checked for checked in PROPERTIES if checked.name == "close-code-legal")
    with open_session(faulty.with_fault(""), SuiteOptions(deadline_s=DEADLINE_S)) as subject:
        subject.edges_s = 0.0
        before = subject.scripts_run
        assert "started and not finished" in explore(subject, tested)
        assert subject.scripts_run - before == 1


def test_an_unfinished_check_has_not_passed(faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wsproof.conformance.suite._LEAST_EDGES_S", 0.0)
    monkeypatch.setattr("wsproof.conformance.suite._EDGES_SHARE", 0.0)
    options = SuiteOptions(only=("close-code-legal",), budget_s=1000.0, deadline_s=DEADLINE_S)
    report = run_suite(faulty.with_fault(""), options)
    assert [check.check for check in report.not_run] == ["close-code-legal"]
    assert "started and not finished" in report.not_run[0].reason


def test_a_server_for_one_client_at_a_time_has_no_finding_for_refused_handshakes() -> None:
    options = SuiteOptions(only=("opening-accepted", "ping-answered"), examples=2, deadline_s=5.0)
    with unresponsive_server("one-at-a-time") as server:
        report = run_suite(server, options)
    assert report.findings == ()
    assert {run.verdict for run in report.checks_run} == {Verdict.VALID}
