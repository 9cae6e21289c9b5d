"""Tests that timeouts adapt to each kind of answer, and that only a full timeout is evidence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faulty.quiet import FULL_S
from tests.faulty.running import FaultyServer, faulty_server
from wsproof.conformance.exchange.timeouts import AnswerKind, Timeout, Timeouts
from wsproof.conformance.suite import run_suite
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget

_FULL_S = 5.0


@pytest.fixture
def timeouts() -> Timeouts:
    """Return the timeouts for a server that answers within milliseconds and completes handshakes within 120 ms."""
    known = Timeouts(_FULL_S)
    for kind in AnswerKind:
        known.note_answer(kind, 0.001)
    known.note_answer(AnswerKind.HANDSHAKE, 0.12)
    return known


@pytest.mark.parametrize("kind", AnswerKind)
def test_a_violation_of_one_rule_does_not_shorten_the_timeout_of_another(timeouts: Timeouts, kind: AnswerKind) -> None:
    timeouts.know_silence("close-answered")
    assert timeouts.wait_for(kind, "rsv-zero") == Timeout(_FULL_S, is_evidence=True)


def test_a_repeated_timeout_is_shortened_and_is_no_evidence(timeouts: Timeouts) -> None:
    timeouts.know_silence("close-answered")
    assert timeouts.wait_for(AnswerKind.CLOSE, "close-answered", "close-reason") == Timeout(0.25, is_evidence=False)
    assert timeouts.is_known_silence("close-answered")
    assert not timeouts.is_known_silence("close-ends-tcp")


def test_a_shortened_timeout_is_a_multiple_of_the_response_time_of_its_kind(timeouts: Timeouts) -> None:
    timeouts.is_shrinking = True
    timeout = timeouts.wait_for(AnswerKind.HANDSHAKE, "rsv-zero")
    assert timeout.seconds == pytest.approx(2.4)
    assert not timeout.is_evidence
    assert timeouts.wait_for(AnswerKind.PONG, "rsv-zero").seconds == 0.25


def test_a_server_that_needs_the_whole_deadline_gets_more_time(timeouts: Timeouts) -> None:
    timeouts.note_answer(AnswerKind.HANDSHAKE, 4.0)
    assert timeouts.wait_for(AnswerKind.HANDSHAKE, "opening-accepted") == Timeout(16.0, is_evidence=True)


def test_without_any_answer_the_full_timeout_applies() -> None:
    assert Timeouts(_FULL_S, is_shrinking=True).wait_for(AnswerKind.PONG, "x").seconds == _FULL_S


def test_many_timeouts_shorten_the_waits_and_not_the_evidence_required(timeouts: Timeouts) -> None:
    waits = []
    for number in range(20):
        timeout = timeouts.wait_for(AnswerKind.FAILURE, f"rule-{number}")
        timeouts.note_silence(timeout)
        waits.append(timeout)
    assert sum(timeout.is_evidence for timeout in waits) == 8
    assert {timeout.seconds for timeout in waits if timeout.is_evidence} == {_FULL_S}


def test_a_retry_has_the_timeout_of_the_first_attempt(timeouts: Timeouts) -> None:
    timeouts.know_silence("rsv-zero")
    timeouts.is_shrinking = True
    with timeouts.retrying("rsv-zero"):
        assert timeouts.wait_for(AnswerKind.FAILURE, "rsv-zero") == Timeout(_FULL_S, is_evidence=True)
        assert timeouts.moment_for("rsv-zero") == Timeout(1.0, is_evidence=True)
    assert timeouts.moment_for("rsv-zero") == Timeout(0.05, is_evidence=False)


def test_a_timeout_shortened_by_the_budget_is_no_evidence() -> None:
    timeout = Timeouts(_FULL_S, Budget(2.0)).wait_for(AnswerKind.PONG, "ping-answered")
    assert timeout.seconds <= 2.0
    assert not timeout.is_evidence


@pytest.fixture(scope="module")
def correct_server() -> Iterator[FaultyServer]:
    with faulty_server("tests.faulty.correct_variants") as server:
        yield server


@pytest.mark.parametrize("name", ["slow-handshake-150", "slow-close-300"])
def test_a_slow_server_is_not_reported_as_silent(correct_server: FaultyServer, name: str) -> None:
    options = SuiteOptions(examples=1, deadline_s=60.0, only=("length-minimal", "utf8-fail", "close-a", "ping-a"))
    report = run_suite(correct_server.with_fault(name), options)
    assert {finding.check for finding in report.findings} <= {"length-minimal", "utf8-fail-fast"}
    assert all("nothing came" not in finding.explanation for finding in report.findings)


@pytest.mark.usefixtures("detects_silence")
def test_the_evidence_of_a_timeout_shows_the_full_wait(faulty: FaultyServer) -> None:
    options = SuiteOptions(examples=3, deadline_s=FULL_S, only=("close-answered", "rsv-zero", "payload"))
    report = run_suite(faulty.with_fault("keeps-tcp"), options)
    (finding,) = [finding_ for finding_ in report.findings if finding_.check == "close-ends-tcp"]
    assert f"then nothing came for {FULL_S:g} s" in finding.explanation
    assert finding.witness[-1].endswith(f"then nothing came for {FULL_S:g} s")
