"""Tests that CI systems can read the JUnit XML, whatever the server sent."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from tests.report.samples import HOSTILE, deviation, non_strict, suite_report, violation
from wsproof import Verdict
from wsproof.model.finding import Anomaly, observed
from wsproof.model.suite import CheckRun, Figure, NotRun, SuiteReport
from wsproof.report.formats.junit import junit_xml


def suite_of(report: SuiteReport, strict: bool = False) -> ElementTree.Element:
    suite = ElementTree.fromstring(junit_xml(report.but(strict=strict)).encode()).find("testsuite")
    assert suite is not None
    assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
    assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure"))
    assert int(suite.get("errors", "")) == len(suite.findall("testcase/error"))
    return suite


def case(suite: ElementTree.Element, name: str) -> ElementTree.Element:
    return next(element for element in suite if element.get("name") == name)


def test_there_is_one_case_per_check_and_a_violation_fails_its_own() -> None:
    suite = suite_of(suite_report(violation(replay="wsproof replay x.json")))
    assert len(suite) == 5
    failure = case(suite, "chat.binary-frame-harms-nobody").find("failure")
    assert failure is not None
    assert failure.get("message") == violation().explanation
    assert "2 -> BINARY 00 ff" in (failure.text or "")
    assert "wsproof replay x.json" in (failure.text or "")
    assert suite.get("failures") == "1"


def test_a_check_that_cannot_tell_is_an_error() -> None:
    error = case(suite_of(suite_report(violation())), "dashboard.period").find("error")
    assert error is not None
    assert "nothing was received" in (error.get("message") or "")


def test_a_check_with_the_finding_of_another_check_has_not_passed() -> None:
    row = CheckRun("chat.order", "chat", "In order", Verdict.INVALID, 1, 0.1, cause="chat.delivery")
    suite = suite_of(SuiteReport(1, (*suite_report().checks_run, row), (violation(),)))
    failure = case(suite, "chat.order").find("failure")
    assert failure is not None
    assert failure.get("message") == "of the same cause as chat.delivery"
    assert suite.get("failures") == "2"


def test_checks_not_run_are_skipped_with_the_reason_and_have_not_passed() -> None:
    left = NotRun("utf8-valid", "8.1", "valid UTF-8", "the budget of 10 s is spent")
    suite = suite_of(SuiteReport(1, suite_report().checks_run, (), (left,)))
    skipped = case(suite, "utf8-valid").find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "the budget of 10 s is spent"
    assert suite.get("skipped") == "1"


def test_measured_figures_are_printed_with_their_check() -> None:
    row = CheckRun("cost", "robustness", "t", Verdict.VALID, 1, 0.1, "", (Figure("exponent", 1.02),))
    suite = suite_of(SuiteReport(1, (row,), (violation(check="cost"),)))
    assert case(suite, "cost").findtext("system-out") == "measured: exponent 1.02"


def test_accepted_and_weaker_findings_are_printed_and_fail_nothing() -> None:
    suite = suite_of(suite_report(deviation(), non_strict()))
    assert suite.get("failures") == "0"
    assert "accepted: the server library" in (case(suite, "5.5.1-close-1005").findtext("system-out") or "")
    assert "[non-strict]" in (case(suite, "chat.total-order").findtext("system-out") or "")


def test_with_strict_a_weaker_finding_fails() -> None:
    assert suite_of(suite_report(non_strict()), strict=True).get("failures") == "1"


def test_a_finding_whose_check_did_not_run_has_a_case_of_its_own() -> None:
    suite = suite_of(suite_report(violation(check="elsewhere"), violation(check="crash", anomaly=Anomaly.UNKNOWN)))
    assert case(suite, "elsewhere").find("failure") is not None
    assert case(suite, "crash").find("error") is not None


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_leaves_well_formed_xml(text: str) -> None:
    finding = violation(check=text, section=text, explanation=text, witness=(text,), source=text, replay=text)
    suite = suite_of(SuiteReport(1, suite_report().checks_run, (finding, violation(check="known", accepted=text))))
    assert suite.get("failures") == "1"


def test_a_check_that_crashed_is_an_error_with_the_traceback() -> None:
    row = CheckRun("mask-any", "5.3", "Masks", Verdict.UNKNOWN, 0, 0.1, "wsproof crashed", traceback="Traceback: boom")
    error = case(suite_of(SuiteReport(1, (row,))), "mask-any").find("error")
    assert error is not None
    assert (error.get("type"), error.text) == ("crash", "Traceback: boom")


def test_the_time_of_the_suite_is_the_elapsed_time() -> None:
    report = SuiteReport(1, suite_report().checks_run, wall_s=12.5)
    assert suite_of(report).get("time") == "12.500"


def test_unreproduced_findings_are_printed_and_fail_nothing() -> None:
    suite = suite_of(suite_report(observed(violation(reproduced="0 of 3"))), strict=True)
    (element,) = case(suite, "chat.binary-frame-harms-nobody")
    assert element.tag == "system-out"
    assert (element.text or "").startswith("[observation] ")
    assert "Reproduced: 0 of 3" in (element.text or "")
