"""Tests of channels that publish from outside: a correct server, planted faults, and refused publications."""

from __future__ import annotations

import pytest

from tests.delivery.planting import PATIENT_S, findings_of
from tests.workloads.apps.calling_channels import Calling
from tests.workloads.apps.posting_channels import Posting
from wsproof import Level, Verdict
from wsproof.delivery import properties_of, run_suite
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target

APP = "tests.workloads.apps.posting:app"
OPTIONS = SuiteOptions(examples=2, deadline_s=2.0)


def check(fault: str, *only: str, workload: type[Posting] = Posting) -> SuiteReport:
    options = OPTIONS if fault else OPTIONS.but(deadline_s=PATIENT_S)
    names = tuple(f"{workload.name}.{check_name}" for check_name in only or ("delivery",))
    with serve(parse_target(APP, path="/listen/0", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, {workload.name: workload()}, options.but(only=names))


def test_a_correct_server_passes() -> None:
    report = check("", "delivery", "order", "messages-before-close", "burst")
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


def test_a_channel_that_publishes_by_http_has_no_check_that_pauses_the_server() -> None:
    assert "pause" not in {checked.name for checked in properties_of(Posting())}


@pytest.mark.parametrize(("fault", "anomaly"), [("forgets", Anomaly.LOST), ("leaks", Anomaly.MISROUTED)])
def test_a_planted_fault_is_found(fault: str, anomaly: Anomaly) -> None:
    report = check(fault)
    assert report.verdict() is Verdict.INVALID
    assert anomaly in {finding.anomaly for finding in report.findings}


def test_publications_by_a_function_are_checked() -> None:
    report = check("", workload=Calling)
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


def test_a_function_that_raises_is_reported_and_no_message_is_lost() -> None:
    report = check("refuses", workload=Calling)
    assert {finding.anomaly for finding in report.findings} == {Anomaly.REFUSED}
    assert "HTTPError: HTTP Error 429" in report.findings[0].explanation


@pytest.mark.parametrize(("fault", "status"), [("refuses", "HTTP 429"), ("fails", "HTTP 500")])
def test_publications_that_the_server_refuses_are_reported_and_are_not_lost(fault: str, status: str) -> None:
    report = check(fault)
    assert {finding.anomaly for finding in report.findings} == {Anomaly.REFUSED}
    assert all(finding.level is Level.INFORMATIONAL for finding in report.findings)
    assert status in report.findings[0].explanation
    assert report.verdict() is Verdict.VALID
