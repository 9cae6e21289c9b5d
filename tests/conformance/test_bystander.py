"""Tests of bystander isolation on correct servers with rules of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faulty.running import FaultyServer, faulty_server
from tests.slow import slow_except
from wsproof import Level, TargetError, Verdict
from wsproof.conformance.exchange.bystander import Bystander, Service
from wsproof.conformance.suite import run_suite
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.net.client import Client

_PATIENT_S = 60.0
_OPTIONS = SuiteOptions(
    examples=3,
    deadline_s=_PATIENT_S,
    only=("opening", "ping-answered", "fragments-joined", "rsv-zero", "served-", "many-fragments"),
)


@pytest.fixture(scope="module")
def correct_server() -> Iterator[FaultyServer]:
    with faulty_server("tests.faulty.correct_variants") as server:
        yield server


@pytest.fixture
def bystander() -> Iterator[Bystander]:
    neighbour = Bystander(_PATIENT_S)
    yield neighbour
    neighbour.forget()


def reported(report: SuiteReport) -> dict[str, str]:
    """Return the violations that the suite reports, with their reasons."""
    return {
        finding.check: finding.explanation for finding in report.findings if finding.level is not Level.INFORMATIONAL
    }


@pytest.mark.parametrize(
    "name",
    slow_except(
        ["idle-1000", "heartbeat-1000", "one-session", "seats-1", "seats-30", "closed-seats-1"],
        *("idle-1000", "one-session", "seats-1"),
    ),
)
def test_a_correct_server_with_client_limits_has_no_finding(correct_server: FaultyServer, name: str) -> None:
    report = run_suite(correct_server.with_fault(name), _OPTIONS)
    assert reported(report) == {}
    assert report.verdict(strict=True) is Verdict.VALID


def test_a_cut_off_idle_bystander_is_information_and_no_fault(
    faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Bystander, "settle", lambda self, endpoint, wait_s: self.losses.append("sent a close frame with code 1001")
    )
    report = run_suite(faulty.with_fault(""), _OPTIONS.but(only=("opening",)))
    (row,) = [run for run in report.checks_run if run.check == "other-clients-served"]
    assert row.verdict is Verdict.VALID
    assert "the server sent a close frame with code 1001; new clients were served" in row.reason


def test_a_closed_bystander_reconnects_before_anything_is_reported(
    correct_server: FaultyServer, bystander: Bystander
) -> None:
    endpoint = correct_server.with_fault("one-session").endpoint
    assert bystander.ask(endpoint) is Service.SERVED
    with Client(endpoint, deadline_s=_PATIENT_S) as newer:
        newer.open()
        assert bystander.ask(endpoint) is Service.SERVED
    assert bystander.losses == ["sent a close frame with code 4001"]


@pytest.mark.parametrize(("name", "word"), [("seats-1", "503"), ("closed-seats-1", "1013")])
def test_a_properly_refused_bystander_is_a_limit(
    correct_server: FaultyServer, bystander: Bystander, name: str, word: str
) -> None:
    endpoint = correct_server.with_fault(name).endpoint
    with Client(endpoint, deadline_s=_PATIENT_S) as occupant:
        occupant.open()
        assert bystander.ask(endpoint, 0.1) is Service.REFUSED
        assert word in bystander.remark
    assert bystander.ask(endpoint) is Service.SERVED


def test_the_bystander_waits_for_a_slot_that_becomes_free(correct_server: FaultyServer) -> None:
    endpoint = correct_server.with_fault("seats-1").endpoint
    occupant = Client(endpoint, deadline_s=_PATIENT_S)
    occupant.open()
    pauses: list[float] = []

    def leave(seconds: float) -> None:
        pauses.append(seconds)
        occupant.abort()

    neighbour = Bystander(_PATIENT_S, pause=leave)
    assert neighbour.ask(endpoint) is Service.SERVED
    assert pauses
    neighbour.forget()


def test_a_bystander_in_the_only_slot_releases_it(correct_server: FaultyServer, bystander: Bystander) -> None:
    endpoint = correct_server.with_fault("seats-1").endpoint
    bystander.settle(endpoint, _PATIENT_S)
    assert bystander.ask(endpoint) is Service.SERVED
    occupant = Bystander(_PATIENT_S)
    assert occupant.ask(endpoint) is Service.SERVED
    occupant.forget()


@pytest.mark.parametrize("name", ["mute", "mute-after-handshake"])
def test_a_server_without_an_answer_is_silent(faulty: FaultyServer, bystander: Bystander, name: str) -> None:
    assert bystander.ask(faulty.with_fault("").endpoint) is Service.SERVED
    bystander.forget()
    assert bystander.ask(faulty.with_fault(name).endpoint, 0.1) is Service.SILENT


def test_a_server_that_refuses_tcp_connections_has_ended(bystander: Bystander) -> None:
    with faulty_server() as server:
        endpoint = server.with_fault("").endpoint
        assert bystander.ask(endpoint) is Service.SERVED
    assert bystander.ask(endpoint) is Service.GONE
    with pytest.raises(TargetError):
        Client(endpoint).connect()


def test_a_server_without_pongs_is_judged_by_its_handshakes(faulty: FaultyServer) -> None:
    neighbour = Bystander(0.1)
    endpoint = faulty.with_fault("mute-after-handshake").endpoint
    assert [neighbour.ask(endpoint, 1.0) for _ in range(3)] == [Service.SERVED] * 3
