"""Tests that a failure without time for a retry is an observation, and that time is reserved for retries."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.faulty.running import FaultyServer
from wsproof import Level, Verdict
from wsproof.conformance.endpoint_profile import EndpointProfile
from wsproof.conformance.exchange.timeouts import AnswerKind
from wsproof.conformance.exchange.transcript import Transcript
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.conformance.run_robustness import RobustnessRunner
from wsproof.conformance.script import Script
from wsproof.conformance.session import Session
from wsproof.conformance.suite import run_suite
from wsproof.conformance.verify.cases import Cases
from wsproof.conformance.verify.violations import RuleViolation
from wsproof.model.server_end import PROCESS_ENDED
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.net.budget import Budget, BudgetSpent

FACTS = EndpointProfile(prefix="", binary=True, deflate=True, largest_bytes=70_000)
HURRY = SuiteOptions(only=("version-13", "version-draft"), examples=1)


class Clock:
    """A clock that the test advances."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns

    def advance(self, seconds: float) -> None:
        self.ns += int(seconds * 1e9)


@pytest.fixture
def checked(faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch) -> Callable[[float], SuiteReport]:
    """Return a function that runs the suite on one fault, and lets this many seconds pass after the fault is seen."""

    def run(passes_s: float) -> SuiteReport:
        clock, attempt = Clock(), Session.attempt
        budget = Budget(60.0, clock=clock)

        def attempted(subject: Session, script: Script) -> list[RuleViolation]:
            attempt_result = attempt(subject, script)
            if attempt_result:
                clock.advance(passes_s)
            return attempt_result

        monkeypatch.setattr(Session, "attempt", attempted)
        return run_suite(faulty.with_fault("any-version"), HURRY, budget=budget)

    return run


def test_the_budget_reserves_time_to_retry_the_last_finding(checked: Callable[[float], SuiteReport]) -> None:
    report = checked(56.0)
    (finding,) = report.findings
    assert finding.level is Level.VIOLATION
    assert (finding.occurrences, finding.reproduced) == (1, "3 of 3")
    assert report.verdict() is Verdict.INVALID
    assert [check.is_out_of_time for check in report.not_run] == [True]  # The check after the finding has no time.


def test_a_finding_without_time_for_a_retry_is_an_observation(checked: Callable[[float], SuiteReport]) -> None:
    report = checked(61.0)
    (finding,) = report.findings
    assert finding.level is Level.OBSERVATION
    assert finding.reproduced is None
    assert "`wsproof replay`" in finding.explanation
    assert "--budget" in finding.explanation
    assert report.verdict() is not Verdict.INVALID
    unrepeated, behind = report.not_run
    assert (unrepeated.check, behind.check) == ("version-13", "version-draft")
    assert unrepeated.is_out_of_time
    assert behind.is_out_of_time
    assert "seen, and not retried" in unrepeated.reason


def level_of(rule: str, awaited: AnswerKind | None = None, *, retries: int = 0, hits: int = 0) -> Level:
    cases = Cases(FACTS)
    cases.note(Script(rule), RuleViolation(rule, "one thing", "another", awaited), Transcript())
    cases.by_rule[rule].retries, cases.by_rule[rule].hits = retries, hits
    (finding,) = cases.findings()
    return finding.level


def test_evidence_that_a_retry_cannot_change_counts_without_one() -> None:
    assert level_of(PROCESS_ENDED) is Level.VIOLATION
    assert level_of("server-masked") is Level.VIOLATION
    assert level_of("server-masked", AnswerKind.MESSAGE) is Level.OBSERVATION
    assert level_of("server-masked", retries=3) is Level.OBSERVATION
    assert level_of("rsv-zero") is Level.OBSERVATION
    assert level_of("ping-answered", AnswerKind.PONG) is Level.OBSERVATION
    assert level_of("ping-answered", AnswerKind.PONG, retries=3, hits=1) is Level.VIOLATION


def test_an_unconfirmed_case_does_not_hide_a_reproduced_one() -> None:
    cases = Cases(FACTS)
    both = [RuleViolation(rule, "one thing", "another") for rule in ("close-answered", "fail-ends-tcp")]
    for violation in both:
        cases.note(Script(violation.rule), violation, Transcript(), both)
    assert len(cases.findings()) == 1
    last = cases.by_rule["fail-ends-tcp"]
    last.retries, last.hits = 3, 3
    levels = {finding.check: finding.level for finding in cases.findings()}
    assert levels["fail-ends-tcp"] is Level.VIOLATION


def test_a_robustness_test_that_could_not_be_repeated_is_an_observation() -> None:
    budget = Budget(60.0, clock=Clock())
    remaining: list[float] = []
    cases = SimpleNamespace(implying=lambda name: iter(()), by_rule={})
    server = SimpleNamespace(pid=None, owned=True, endpoint=None)
    subject = SimpleNamespace(budget=budget, options=SuiteOptions(), profile=FACTS, cases=cases, server=server)

    class Runner(RobustnessRunner):
        def _run_once(self, test: RobustnessTest, parameters: Any = None) -> RobustnessOutcome:
            remaining.append(budget.remaining_s)
            if len(remaining) > 1:
                raise BudgetSpent
            outcome = RobustnessOutcome()
            outcome.report_violation(test.name, "an answer", "none")
            return outcome

    runner = Runner(cast(Session, subject))
    with pytest.raises(BudgetSpent):
        runner.run(RobustnessTest("served-despite-slow-reader", cast(Any, None)))
    assert remaining == [55.0, 60.0]
    (finding,) = runner.findings
    assert finding.level is Level.OBSERVATION
    assert "--budget" in finding.explanation
