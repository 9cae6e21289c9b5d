"""Tests of the suite: seed, budget, choice of checks, and servers that cannot be checked."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faulty.running import FaultyServer
from wsproof import UsageError, Verdict
from wsproof.conformance import RULES
from wsproof.conformance.suite import CHECKS, replay, run_suite
from wsproof.model.suite import SuiteOptions


def test_rules_have_unique_ids_and_every_property_has_a_rule() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids))
    assert {tested.name for tested in CHECKS} <= set(ids)


def test_the_same_seed_has_the_same_run(faulty: FaultyServer) -> None:
    options = SuiteOptions(seed=7, examples=10, only=("utf8-broken", "rsv-zero"), deadline_s=30.0)
    server = faulty.with_fault("utf8-fragments")
    first, second = run_suite(server, options), run_suite(server, options)
    assert [finding.to_json() for finding in first.findings] == [finding.to_json() for finding in second.findings]
    assert [run.examples for run in first.checks_run] == [run.examples for run in second.checks_run]


def test_a_spent_budget_runs_a_prefix_and_lists_the_checks_not_run(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault(""), SuiteOptions(budget_s=0.05))
    checks = [run.check for run in report.checks_run if run.check != "server-frames"]
    not_run = [check.check for check in report.not_run]
    assert [*checks, *not_run] == [tested.name for tested in CHECKS]
    assert not_run
    assert {check.reason for check in report.not_run} == {"the budget of 0.05 s is spent"}
    assert report.out_of_time == len(not_run)


@pytest.mark.parametrize("name", ["mute", "mute-after-handshake"])
def test_the_budget_holds_on_a_server_that_does_not_answer(faulty: FaultyServer, name: str) -> None:
    begun = time.monotonic()
    options = SuiteOptions(budget_s=1.0, deadline_s=60.0)
    report = run_suite(faulty.with_fault(name), options)
    assert [check.check for check in report.not_run] == [tested.name for tested in CHECKS]
    assert report.checks_run == ()
    assert report.verdict() is Verdict.UNKNOWN
    assert time.monotonic() - begun < options.deadline_s


def test_unknown_checks_in_only_are_refused(faulty: FaultyServer) -> None:
    with pytest.raises(UsageError, match="list checks"):
        run_suite(faulty.with_fault(""), SuiteOptions(only=("no-such-check",)))


def test_the_option_only_runs_one_section(faulty: FaultyServer) -> None:
    report = run_suite(faulty.with_fault(""), SuiteOptions(only=("5.3",), examples=2))
    assert [run.check for run in report.checks_run] == ["mask-any", "server-frames"]


def test_rules_about_refusals_have_a_verdict_without_any_frame(faulty: FaultyServer) -> None:
    only = ("method-get", "host-required")
    report = run_suite(faulty.with_fault(""), SuiteOptions(only=only))
    assert [(run.check, run.verdict) for run in report.checks_run] == [(name, Verdict.VALID) for name in only]
    assert report.verdict() is Verdict.VALID


def test_a_refused_handshake_is_unknown_and_gives_a_hint(faulty: FaultyServer) -> None:
    server = faulty.with_fault("forbidden")
    report = run_suite(server, SuiteOptions(deadline_s=30.0))
    assert report.verdict() is Verdict.UNKNOWN
    (row,) = report.checks_run  # The hint appears once, and not for each check.
    assert row.check == "handshake"
    assert "403" in row.reason
    assert "--path" in row.reason


def test_a_recipe_of_another_suite_is_refused(faulty: FaultyServer) -> None:
    with pytest.raises(UsageError, match="recipe"):
        replay({"suite": "channels"}, faulty.with_fault("").endpoint, 1.0)


def test_the_suite_writes_nothing_into_the_users_folder(
    faulty: FaultyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run_suite(faulty.with_fault(""), SuiteOptions(only=("utf8-valid",), examples=5))
    assert list(tmp_path.iterdir()) == []
