"""Tests of a channel whose messages carry a number and no text, which identifies them."""

from __future__ import annotations

import pytest

from tests.delivery.planting import PATIENT_S, findings_of
from tests.workloads.apps.counter_channels import Counter
from wsproof import Verdict
from wsproof.delivery import run_suite
from wsproof.delivery.versions import VersionKeys
from wsproof.model.finding import Anomaly
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.target.server import serve
from wsproof.target.target import parse_target

OPTIONS = SuiteOptions(examples=2, deadline_s=1.5)


def check(fault: str, *only: str) -> SuiteReport:
    options = OPTIONS if fault else OPTIONS.but(deadline_s=PATIENT_S)
    with serve(parse_target("tests.workloads.apps.counter:app", path="/", env=[f"FAULT={fault}"])) as server:
        return run_suite(server, {"counter": Counter()}, options.but(only=only or ("counter.delivery",)))


def test_a_correct_counter_passes() -> None:
    report = check("", "counter.delivery", "counter.order", "counter.messages-before-close")
    assert findings_of(report) == []
    assert report.verdict() is Verdict.VALID


@pytest.mark.parametrize(
    ("fault", "anomaly"),
    [("loses", Anomaly.LOST), ("repeats", Anomaly.DUPLICATED), ("counts twice", Anomaly.PHANTOM)],
)
def test_a_planted_fault_is_reported_and_its_versions_may_be_ambiguous(fault: str, anomaly: Anomaly) -> None:
    report = check(fault)
    assert report.verdict() is Verdict.INVALID
    (finding,) = (finding for finding in report.findings if finding.anomaly is anomaly)
    assert "which publication made which version" in finding.explanation


def test_a_new_version_belongs_to_the_oldest_publication_without_one() -> None:
    keys = VersionKeys()
    assert keys.key_of(40, is_joining=False) is None
    keys.published(0, 0)
    keys.published(1, 0)
    assert keys.key_of(41, is_joining=True) is None, "a snapshot for a newcomer shows no change"
    assert keys.key_of(41, is_joining=False) == (0, 0)
    assert keys.key_of(42, is_joining=False) == (1, 0)
    assert keys.key_of(41, is_joining=True) == (0, 0), "a snapshot of a known version is that version"
    assert keys.key_of(43, is_joining=False) is None
    keys.published(0, 1)
    assert keys.key_of(43, is_joining=False) is None, "no publication caused this version, for any reader at any time"
    assert keys.key_of(44, is_joining=False) == (0, 1)
