"""Tests that `--ws-slo` and `--ws-strict` decide the exit code of a headless Locust."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.locusts import Ended, Locust, end_proven, run_together, start_until_proven

RUNS = {
    "missed": ("correct", "--ws-slo", "min(reach) < 1"),  # on a busy machine, figures of time may be void
    "strict": ("disagrees", "--ws-strict"),
}
"""An app of `planted`, and options."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    def start(name: str) -> Locust:
        app, *words = RUNS[name]
        return start_until_proven(tmp_path_factory.mktemp(name), app, *words)

    return run_together(start, RUNS, end_proven)


def test_a_missed_objective_is_exit_code_1(runs: dict[str, Ended]) -> None:
    missed = runs["missed"]
    assert missed.summary is not None, missed.output
    assert missed.rooms["chat"]["verdict"] == "valid"
    assert [objective["met"] for objective in missed.summary["objectives"]] == [False]
    assert missed.code == 1, missed.output


def test_an_objective_that_cannot_be_read_ends_locust_before_the_test(tmp_path: Path) -> None:
    unreadable = start_until_proven(tmp_path, "correct", "--ws-slo", "latency is good").end()
    assert unreadable.code == 2, unreadable.output
    assert "cannot read the objective 'latency is good'" in unreadable.output
    assert "Traceback" not in unreadable.output


def test_other_orders_fail_with_strict(runs: dict[str, Ended]) -> None:
    strict = runs["strict"]
    assert strict.code == 1, strict.output
    assert strict.rooms["chat"]["verdict"] == "invalid"
    assert {finding["check"] for finding in strict.findings_of("chat")} == {"total-order"}
