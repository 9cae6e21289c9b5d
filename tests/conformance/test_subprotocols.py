"""Tests that equivalent subprotocol offers select the same subprotocol."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faulty.faults import SUBPROTOCOL_FAULTS
from tests.faulty.running import FaultyServer, faulty_server
from wsproof import Level
from wsproof.conformance.suite import run_suite
from wsproof.model.suite import SuiteOptions

OPTIONS = SuiteOptions(only=("subprotocol-lines", "subprotocol-after"), deadline_s=30.0)


@pytest.fixture(scope="module")
def server() -> Iterator[FaultyServer]:
    with faulty_server() as running:
        yield running.with_subprotocols("chat", "superchat")


@pytest.mark.parametrize("name", SUBPROTOCOL_FAULTS)
def test_a_server_that_depends_on_the_form_of_the_offer_is_reported(server: FaultyServer, name: str) -> None:
    rule, _ = SUBPROTOCOL_FAULTS[name]
    report = run_suite(server.with_fault(name), OPTIONS)
    assert [finding.check for finding in report.findings] == [rule]
    assert "selected" in report.findings[0].explanation


@pytest.mark.parametrize("name", ["subprotocol-right", "plain"])
def test_a_server_with_a_consistent_selection_has_no_findings(server: FaultyServer, name: str) -> None:
    report = run_suite(server.with_fault(name), OPTIONS)
    assert [finding for finding in report.findings if finding.level is not Level.INFORMATIONAL] == []
    assert len(report.checks_run) >= 2


def test_without_offered_subprotocols_the_comparisons_are_not_run(server: FaultyServer) -> None:
    offered, server.subprotocols = server.subprotocols, ()
    try:
        report = run_suite(server.with_fault("plain"), OPTIONS)
    finally:
        server.subprotocols = offered
    assert {row.check for row in report.not_run} == {"subprotocol-lines", "subprotocol-after-unknown"}
    assert all("--subprotocol" in row.reason for row in report.not_run)
