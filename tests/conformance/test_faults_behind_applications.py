"""Tests that server faults are found behind applications which accept only some messages."""

from __future__ import annotations

import pytest

from tests.faulty.applications import SAMPLE
from tests.faulty.quiet import FULL_S
from tests.faulty.running import FaultyServer
from wsproof import Level, Verdict
from wsproof.conformance.suite import run_suite
from wsproof.model.suite import SuiteOptions


@pytest.mark.usefixtures("detects_silence")
@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("rsv", "rsv-zero"),
        ("unmasked", "mask-required"),
        ("opcodes", "opcode-reserved"),
        ("empty-pong", "ping-answered"),
        ("no-close-reply", "close-answered"),
        ("split-header", "segmentation"),
        ("orphans", "continuation-orphan"),
    ],
)
@pytest.mark.parametrize("kind", ["only-bare", "only-drop", "login"])
def test_faults_that_need_no_message_are_found_behind_any_application(
    faulty: FaultyServer, fault: str, rule: str, kind: str
) -> None:
    report = run_suite(faulty.with_fault(fault, kind), SuiteOptions(examples=3, only=(rule,), deadline_s=FULL_S))
    assert rule in {finding.check for finding in report.findings if finding.level is not Level.INFORMATIONAL}


@pytest.mark.usefixtures("detects_silence")
@pytest.mark.parametrize(
    ("fault", "rule"),
    [
        ("two-fragments", "fragments-joined"),
        ("fragments-1011", "fragments-joined"),
        ("ping-resets", "control-between-fragments"),
        ("utf8-per-fragment", "utf8-valid"),
        ("zero-mask", "mask-any"),
        ("nested", "interleaved-messages"),
        ("deflate-final", "deflate-final"),
        ("deflate-forgets", "deflate-context"),
    ],
)
@pytest.mark.parametrize("kind", ["only-bare", "only-drop", "only-http"])
def test_faults_that_need_a_message_are_found_with_a_sample(
    faulty: FaultyServer, fault: str, rule: str, kind: str
) -> None:
    options = SuiteOptions(examples=3, only=(rule,), deadline_s=FULL_S, sample=SAMPLE)
    report = run_suite(faulty.with_fault(fault, kind), options)
    assert {row.check: row.verdict for row in report.checks_run}[rule] is Verdict.INVALID, report
