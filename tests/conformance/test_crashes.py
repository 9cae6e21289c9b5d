"""Tests that a crash of wsproof in one check makes only that check unknown, with a traceback."""

from __future__ import annotations

import pytest

from tests.conformance.binary_only import binary_only
from tests.faulty.running import FaultyServer
from wsproof import Verdict
from wsproof.conformance import suite
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.conformance.rules import rule
from wsproof.conformance.script import Script
from wsproof.conformance.session import Session
from wsproof.model.suite import CheckRun, SuiteOptions, SuiteReport

OPTIONS = SuiteOptions(examples=3, deadline_s=30.0)


def row_of(report: SuiteReport, check: str) -> CheckRun:
    return next(run for run in report.checks_run if run.check == check)


def assert_crashed(report: SuiteReport, check: str) -> None:
    row = row_of(report, check)
    assert row.verdict is Verdict.UNKNOWN
    assert "bug of wsproof" in row.reason
    assert "ZeroDivisionError: on purpose" in row.reason
    assert "Traceback (most recent call last)" in row.traceback
    assert row.to_json()["traceback"] == row.traceback


def crash(*_: object) -> RobustnessOutcome:
    raise ZeroDivisionError("on purpose")


def test_a_crash_in_one_property_leaves_the_others_checked(
    faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = Session.attempt

    def crashing(subject: Session, script: Script) -> object:
        return crash() if script.subject == "mask-any" else attempt(subject, script)

    monkeypatch.setattr(Session, "attempt", crashing)
    options = OPTIONS.but(only=("rsv-zero", "mask-any", "utf8-broken"))
    report = suite.run_suite(faulty.with_fault("rsv"), options)
    assert_crashed(report, "mask-any")
    assert row_of(report, "utf8-broken").verdict is Verdict.VALID
    assert [finding.check for finding in report.findings] == ["rsv-zero"]
    assert report.verdict() is Verdict.INVALID


def test_a_crash_while_a_finding_is_repeated_keeps_the_finding(
    faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Session, "reproduce", crash)
    options = OPTIONS.but(only=("rsv-zero", "utf8-broken"))
    report = suite.run_suite(faulty.with_fault("rsv"), options)
    assert [finding.check for finding in report.findings] == ["rsv-zero"]
    row = row_of(report, "rsv-zero")
    assert row.verdict is Verdict.INVALID
    assert "on purpose" in row.traceback
    assert row_of(report, "utf8-broken").verdict is Verdict.VALID


def test_a_crash_in_one_robustness_test_leaves_the_others_checked(
    faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def well(context: RobustnessContext) -> RobustnessOutcome:
        return RobustnessOutcome(connections=1)

    checks = (RobustnessTest("many-fragments", crash), RobustnessTest("empty-fragments", well))
    monkeypatch.setattr(suite, "CHECKS", checks)
    report = suite.run_suite(faulty.with_fault(""), OPTIONS)
    assert_crashed(report, "many-fragments")
    assert row_of(report, "many-fragments").section == rule("many-fragments").section
    assert row_of(report, "empty-fragments").verdict is Verdict.VALID


def test_an_endpoint_that_closes_on_texts_is_still_checked_for_its_windows() -> None:
    with binary_only() as server:
        report = suite.run_suite(server, OPTIONS.but(only=("deflate-isolation", "ping-answered")))
    assert [run.traceback for run in report.checks_run] == [""] * len(report.checks_run)
    assert report.not_run == ()
    assert row_of(report, "deflate-isolation").verdict is Verdict.VALID  # The suite sends binary messages instead.
    assert report.verdict() is Verdict.VALID
