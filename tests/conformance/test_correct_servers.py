"""Tests of former false positives: each case was seen on a correct server."""

from __future__ import annotations

import re

import pytest

from tests.faulty.faults import ALLOWED
from tests.faulty.running import FaultyServer
from tests.faulty.server import PINGS_PER_READ
from tests.slow import slow_except
from wsproof import Level, Verdict
from wsproof.conformance.suite import run_suite
from wsproof.model.suite import SuiteOptions
from wsproof.wire import Frame, Opcode
from wsproof.wire.audit import audit_close_payload

# SHOULD of RFC 6455 7.1.7, which a server may ignore for good reasons.
_NON_STRICT = {"drops": ["fail-close-frame"]}


@pytest.mark.parametrize("name", slow_except(ALLOWED, *(ALLOWED.keys() - {"deflate-never", "deflate-seldom"})))
def test_allowed_behaviour_is_no_violation(faulty: FaultyServer, name: str) -> None:
    only, _ = ALLOWED[name]
    report = run_suite(faulty.with_fault(name), SuiteOptions(only=only, examples=4, deadline_s=60.0))
    levels = {finding.check: finding.level for finding in report.findings}
    assert Level.VIOLATION not in levels.values(), levels
    assert [check for check, level in levels.items() if level is Level.NON_STRICT] == _NON_STRICT.get(name, [])
    assert all(run.examples and run.verdict is not Verdict.UNKNOWN for run in report.checks_run)


def test_a_limit_on_pings_is_reported_with_its_number(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault("ping-limit"), SuiteOptions(only=("ping-burst",), deadline_s=60.0))
    (finding,) = report.findings
    assert finding.level is Level.INFORMATIONAL
    assert finding.section == "10.4"
    pings = re.search(r"after (\d+) pings in one write", finding.explanation)
    assert pings is not None
    assert int(pings[1]) > PINGS_PER_READ, "the server may read one write in several pieces"


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])
def test_application_and_registered_close_codes_are_allowed(code: int) -> None:
    assert audit_close_payload(Frame(Opcode.CLOSE, code.to_bytes(2, "big"))) == []


@pytest.mark.parametrize("code", [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000])
def test_close_codes_that_must_not_be_sent_are_breaches(code: int) -> None:
    (breach,) = audit_close_payload(Frame(Opcode.CLOSE, code.to_bytes(2, "big")))
    assert breach.rule == "close-code"
