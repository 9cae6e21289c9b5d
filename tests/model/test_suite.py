from __future__ import annotations

import pytest

from wsproof import Finding, Level, Verdict
from wsproof.model.chapter import SuiteName
from wsproof.model.finding import Anomaly
from wsproof.model.suite import CheckRun, NotRun, SuiteOptions, SuiteReport

LOST = Finding("delivery", "chat", Anomaly.LOST, Level.VIOLATION, "x")


def ran(verdict: Verdict) -> CheckRun:
    return CheckRun("delivery", "chat", "All get all", verdict, 25, 1.23456)


def test_a_report_without_a_run_check_is_unknown() -> None:
    assert SuiteReport(0).verdict() is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("report", "verdict"),
    [
        (SuiteReport(0, (ran(Verdict.VALID),)), Verdict.VALID),
        (SuiteReport(0, (ran(Verdict.VALID), ran(Verdict.UNKNOWN))), Verdict.UNKNOWN),
        (SuiteReport(0, (ran(Verdict.UNKNOWN),), (LOST,)), Verdict.INVALID),
        # A check whose only finding is an accepted deviation no longer counts, though the check itself said invalid.
        (SuiteReport(0, (ran(Verdict.INVALID),)), Verdict.VALID),
    ],
)
def test_the_verdict_is_the_worst_of_findings_and_unknown_checks(report: SuiteReport, verdict: Verdict) -> None:
    assert report.verdict() is verdict


LATE = NotRun("order", "chat", "In order", "the budget is spent", is_out_of_time=True)
NOT_HERE = NotRun("deflate-final", "RFC 7692 7.2.3.4", "BFINAL", "not offered by the server")


@pytest.mark.parametrize(
    ("ran_checks", "not_run", "verdict"),
    [
        (2, [LATE], Verdict.VALID),
        (2, [LATE] * 2, Verdict.VALID),
        (2, [LATE] * 3, Verdict.UNKNOWN),
        (2, [NOT_HERE] * 9, Verdict.VALID),
        (2, [NOT_HERE] * 9 + [LATE] * 3, Verdict.UNKNOWN),
    ],
)
def test_a_report_with_most_checks_out_of_time_is_not_valid(
    ran_checks: int, not_run: list[NotRun], verdict: Verdict
) -> None:
    report = SuiteReport(0, (ran(Verdict.VALID),) * ran_checks, not_run=tuple(not_run))
    assert report.verdict() is verdict
    assert SuiteReport(0, report.checks_run, (LOST,), report.not_run).verdict() is Verdict.INVALID


def test_adding_two_suite_reports_gives_one_with_the_checks_and_findings_of_both() -> None:
    both = SuiteReport(1, (ran(Verdict.VALID),)) + SuiteReport(1, (ran(Verdict.VALID),), (LOST,))
    assert (len(both.checks_run), both.findings) == (2, (LOST,))


def test_only_keeps_checks_by_the_beginning_of_name_or_section() -> None:
    options = SuiteOptions(only=("5.5", "chat"))
    assert options.wants("ping-is-answered", "5.5.2")
    assert options.wants("chat-order", "")
    assert not options.wants("close-code", "7.4.1")
    assert SuiteOptions().wants("anything", "at all")


def test_only_keeps_a_whole_suite_by_its_name() -> None:
    options = SuiteOptions(only=("channels",))
    assert options.wants("chat.order", "chat", SuiteName.CHANNELS)
    assert not options.wants("mask-any", "5.3", SuiteName.PROTOCOL)
    assert SuiteOptions(only=("protocol",)).wants("mask-any", "5.3", SuiteName.PROTOCOL)


def test_the_times_of_reports_add_up() -> None:
    both = SuiteReport(1, (ran(Verdict.VALID),), wall_s=2.0) + SuiteReport(1, (), wall_s=3.0)
    assert both.seconds == 5.0


def test_seconds_are_rounded_in_json() -> None:
    assert ran(Verdict.VALID).to_json()["seconds"] == 1.235
