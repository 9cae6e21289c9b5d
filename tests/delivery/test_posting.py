"""Tests of channels that publish by HTTP: a correct server, planted faults, and refused requests."""

from __future__ import annotations

import pytest

from tests.delivery.planting import PATIENT_S, findings_of
from tests.workloads.apps.posting_channels import Posting
from wsproof.delivery import run_suite
from wsproof.model.finding import Anomaly, Level, Verdict
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target

APP = "tests.workloads.apps.posting:app"
OPTIONS = SuiteOptions(examples=2, deadline_s=2.0)


def check(fault: str, *only: str) -> SuiteReport:
    options = OPTIONS if fault else OPTIONS.but(deadline_s=PATIENT_S)
    with serve(parse_target(APP, path="/listen/0", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, {"posting": Posting()}, options.but(only=only or ("posting.delivery",)))


def test_a_correct_server_passes() -> None:
    report = check("", "posting.delivery", "posting.order", "posting.messages-before-close", "posting.burst")
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


@pytest.mark.parametrize(("fault", "anomaly"), [("forgets", Anomaly.LOST), ("leaks", Anomaly.MISROUTED)])
def test_a_planted_fault_is_found(fault: str, anomaly: Anomaly) -> None:
    report = check(fault)
    assert report.verdict() is Verdict.INVALID
    assert anomaly in {finding.anomaly for finding in report.findings}


@pytest.mark.parametrize(("fault", "status"), [("refuses", "HTTP 429"), ("fails", "HTTP 500")])
def test_publications_that_the_server_refuses_are_reported_and_are_not_lost(fault: str, status: str) -> None:
    report = check(fault)
    assert {finding.anomaly for finding in report.findings} == {Anomaly.REFUSED}
    assert all(finding.level is Level.INFORMATIONAL for finding in report.findings)
    assert status in report.findings[0].explanation
    assert report.verdict() is Verdict.VALID
