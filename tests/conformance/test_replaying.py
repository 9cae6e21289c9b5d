"""Tests that a replay observes the same as the run: bystander isolation, and whether the server lives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.faulty.quiet import FULL_S, detect_silence
from tests.faulty.running import FaultyServer, faulty_server
from wsproof import CannotTellError, Finding, Level, UsageError
from wsproof.conformance.robustness.context import RobustnessContext
from wsproof.conformance.robustness.definition import RobustnessOutcome, RobustnessTest
from wsproof.conformance.suite import replay, run_suite
from wsproof.model.suite import SuiteOptions
from wsproof.net.endpoint import parse_url


@pytest.fixture
def fragile() -> Iterator[FaultyServer]:
    """Start a separate process, since some faults break the whole process."""
    with faulty_server() as server, detect_silence(server):
        yield server


def finding_of(server: FaultyServer, only: str) -> Finding:
    """Return the most severe finding of one check."""
    report = run_suite(server, SuiteOptions(only=(only,), examples=3, deadline_s=FULL_S))
    return report.findings[0]


def recipe(finding: Finding) -> dict[str, Any]:
    assert finding.recipe is not None
    return dict(finding.recipe)


def test_a_replay_restarts_a_server_that_hangs_again(fragile: FaultyServer) -> None:
    finding = finding_of(fragile.with_fault("wedges-at-opcode"), "opcode-reserved")
    again = replay(recipe(finding), fragile.endpoint, FULL_S, pid=fragile.pid)
    assert "other-clients-served" in {replayed.check for replayed in again}


def test_a_server_that_refuses_from_the_start_reproduces_nothing(fragile: FaultyServer) -> None:
    finding = finding_of(fragile.with_fault("rsv"), "rsv-zero")
    with pytest.raises(CannotTellError, match="403"):
        replay(recipe(finding), fragile.with_fault("forbidden").endpoint, FULL_S)


def test_the_recipe_of_a_robustness_finding_repeats_its_experiment(fragile: FaultyServer) -> None:
    options = SuiteOptions(only=("freed-after-reset",), examples=7, deadline_s=FULL_S)
    report = run_suite(fragile.with_fault("keeps-reset"), options)
    (finding,) = report.findings
    assert recipe(finding)["examples"] == 7
    assert recipe(finding)["deadline_s"] == FULL_S
    parameters = recipe(finding)["parameters"]
    assert parameters["leaving"] == "freed-after-reset"
    assert 25 <= parameters["size"] <= 56
    (again,) = replay(recipe(finding), fragile.endpoint, 2 * FULL_S, pid=fragile.pid)
    assert again.check == "freed-after-reset"
    assert again.recipe is not None
    assert again.recipe["parameters"] == parameters


@pytest.mark.parametrize(("key", "name"), [("trial", "served-after-storm"), ("robustness_test", "served-after-churn")])
def test_a_recipe_may_use_the_former_key_and_name_of_a_robustness_test(key: str, name: str) -> None:
    nowhere = parse_url("ws://127.0.0.1:9/")
    # The name was accepted, and reading continues with the next key.
    with pytest.raises(UsageError, match=r"KeyError\('facts'\)"):
        replay({key: name}, nowhere, 1)
    with pytest.raises(UsageError, match="StopIteration"):
        replay({key: "no-such-test"}, nowhere, 1)


def test_a_robustness_violation_seen_only_once_is_an_observation(
    fragile: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server serves no bystander during a flood, once, as on a busy machine."""
    answers = iter([True, False])

    def flood(context: RobustnessContext) -> RobustnessOutcome:
        outcome = RobustnessOutcome(connections=1)
        if next(answers):
            outcome.report_violation("served-despite-flood", "other clients to be served", "one was not")
        return outcome

    monkeypatch.setattr("wsproof.conformance.suite.CHECKS", (RobustnessTest("many-fragments", flood),))
    report = run_suite(fragile.with_fault(""), SuiteOptions(only=("many",), deadline_s=60.0))
    (finding,) = report.findings
    assert (finding.level, finding.reproduced) == (Level.OBSERVATION, "0 of 1")
    assert report.verdict(strict=True).value == "valid"
