"""Tests that each planted robustness fault is found by its rule, and that the correct server passes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faulty.faults import CORRECT_DEFLATE, FAULTS
from tests.faulty.quiet import FULL_S, detect_silence
from tests.faulty.running import FaultyServer, faulty_server
from tests.slow import slow_except
from wsproof import Verdict
from wsproof.conformance.catalogue import ROBUSTNESS_TESTS
from wsproof.conformance.probe import probe
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome
from wsproof.conformance.rules.robustness import RULES_WITH_A_TEST
from wsproof.conformance.suite import replay, run_suite
from wsproof.model.suite import SuiteOptions
from wsproof.net.budget import Budget

_RULES = {rule.id for rule in RULES_WITH_A_TEST}
_ROBUSTNESS_FAULTS = [name for name, (rule, _) in FAULTS.items() if rule in _RULES]
# Rules without a robustness test of their own, with the test that reports them.
_SHOWS_IN = {
    "send-buffer-bounded": "served-despite-slow-reader",
    "empty-fragments-memory": "empty-fragments",
    "served-despite-flood": "many-fragments",
}
# The server does not answer with these faults, so that tests wait for the full timeout.
_SILENT = {"slow-handshake-blocks", "slow-reader-blocks", "wedges-at-fragments", "wedges-after-many"}
_PATIENT_S = 90.0


@pytest.fixture
def own_server() -> Iterator[FaultyServer]:
    """Start a separate process, since some faults break the whole process."""
    with faulty_server() as server:
        yield server


def outcome_of(server: FaultyServer, test_name: str, deadline_s: float = _PATIENT_S) -> RobustnessOutcome:
    """Return the outcome of one test. Leaked descriptors are never released, so it does not wait for them."""
    test = next(row for row in ROBUSTNESS_TESTS if row.name == test_name)
    profile = probe(server.endpoint, _PATIENT_S)
    context = RobustnessContext(
        server.endpoint, profile, server.pid, deadline_s, Budget(None), examples=5, release_s=0.3
    )
    try:
        return test.run(context)
    finally:
        context.close()


@pytest.mark.parametrize("name", slow_except(_ROBUSTNESS_FAULTS, *_ROBUSTNESS_FAULTS[::2]))
def test_a_planted_robustness_fault_is_reported_by_its_rule(own_server: FaultyServer, name: str) -> None:
    rule, _ = FAULTS[name]
    outcome = outcome_of(own_server.with_fault(name), _SHOWS_IN.get(rule, rule), 1.0 if name in _SILENT else _PATIENT_S)
    assert rule in {violation.rule for violation in outcome.violations}, outcome.lines
    assert not outcome.cause


def test_the_correct_server_passes_every_robustness_test(own_server: FaultyServer) -> None:
    options = SuiteOptions(only=tuple(test.name for test in ROBUSTNESS_TESTS), examples=5, deadline_s=_PATIENT_S)
    report = run_suite(own_server.with_fault(CORRECT_DEFLATE), options)
    assert report.findings == ()
    assert [row.check for row in report.not_run] == ["scope-headers"]  # The faulty server is no ASGI server.
    assert report.verdict(strict=True) is Verdict.VALID
    assert [run.check for run in report.checks_run] == [test.name for test in ROBUSTNESS_TESTS[1:]]
    assert {figure.name for run in report.checks_run for figure in run.measured} >= {
        "descriptors kept",
        "memory kept",
        "memory held",
        "exponent of one-byte fragments",
    }


def test_a_robustness_finding_can_be_replayed(own_server: FaultyServer) -> None:
    server = own_server.with_fault("drops-many-fragments")
    report = run_suite(server, SuiteOptions(only=("many-fragments",), deadline_s=_PATIENT_S))
    (finding,) = report.findings
    assert finding.witness[-2].startswith("expected: ")
    assert finding.recipe is not None
    (again,) = replay(finding.recipe, server.endpoint, _PATIENT_S, pid=server.pid)
    assert (again.check, again.section) == ("many-fragments", "5.4")
    server.with_fault("")
    assert replay(finding.recipe, server.endpoint, _PATIENT_S, pid=server.pid) == []


def test_a_server_that_hangs_is_restarted_and_the_remaining_tests_run(own_server: FaultyServer) -> None:
    only = ("many-fragments", "served-despite-slow-handshake")
    with detect_silence(own_server.with_fault("wedges-at-fragments")):
        report = run_suite(own_server, SuiteOptions(only=only, deadline_s=FULL_S))
    assert [finding.check for finding in report.findings] == ["served-despite-flood"]
    rows = {run.check: run for run in report.checks_run}
    assert rows["many-fragments"].verdict is Verdict.INVALID
    assert rows["served-despite-slow-handshake"].verdict is Verdict.VALID


class RemoteServer(FaultyServer):
    """A server that was already running. Its process can be neither measured nor restarted."""

    def __init__(self, server: FaultyServer) -> None:
        self.owned = False
        self.path, self.port, self.process = server.path, server.port, server.process
        self.subprotocols = server.subprotocols

    @property
    def pid(self) -> None:  # type: ignore[override]
        """Return no process id."""
        return


def test_resources_of_a_remote_server_are_not_measured(own_server: FaultyServer) -> None:
    only = ("freed-after-reset", "served-despite-slow-handshake")
    report = run_suite(
        RemoteServer(own_server.with_fault("keeps-reset")), SuiteOptions(only=only, deadline_s=_PATIENT_S)
    )
    assert [(check.check, check.reason) for check in report.not_run] == [
        ("freed-after-reset", "not measured: wsproof did not start the server")
    ]
    assert [run.check for run in report.checks_run] == ["served-despite-slow-handshake"]
    assert report.verdict() is Verdict.VALID


def test_one_leak_is_reported_once(own_server: FaultyServer) -> None:
    only = ("freed-after-close", "freed-after-half-close")
    report = run_suite(
        own_server.with_fault("keeps-clients"), SuiteOptions(only=only, examples=5, deadline_s=_PATIENT_S)
    )
    assert [finding.check for finding in report.findings] == ["freed-after-close"]
    assert [run.cause for run in report.checks_run] == ["", "freed-after-close"]
