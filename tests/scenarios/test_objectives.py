"""Tests that `--ws-slo` and `--ws-strict` decide the exit code of a headless Locust."""

from __future__ import annotations

import pytest

from tests.scenarios.locusts import Ended, Locust, run_together

RUNS = {
    "missed": ("correct", "--ws-slo", "p50(latency) < 1ns"),
    "unreadable": ("correct", "--ws-slo", "latency is good"),
    "strict": ("disagrees", "--ws-strict"),
}
"""An app of `planted`, and options."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ended]:
    def start(name: str) -> Locust:
        app, *words = RUNS[name]
        folder = tmp_path_factory.mktemp(name)
        return Locust(folder, "ChatUser", *words, host=f"tests.scenarios.planted:{app}", users=3, seconds=3)

    return run_together(start, RUNS)


def test_a_missed_objective_is_exit_code_1(runs: dict[str, Ended]) -> None:
    missed = runs["missed"]
    assert missed.summary is not None, missed.output
    assert missed.rooms["chat"]["verdict"] == "valid"
    assert [one["met"] for one in missed.summary["objectives"]] == [False]
    assert missed.code == 1, missed.output


def test_an_objective_that_cannot_be_read_ends_locust_before_the_test(runs: dict[str, Ended]) -> None:
    assert runs["unreadable"].code == 2, runs["unreadable"].output
    assert "cannot read the objective 'latency is good'" in runs["unreadable"].output
    assert "Traceback" not in runs["unreadable"].output


def test_other_orders_fail_with_strict(runs: dict[str, Ended]) -> None:
    strict = runs["strict"]
    assert strict.code == 1, strict.output
    assert strict.rooms["chat"]["verdict"] == "invalid"
    assert {finding["check"] for finding in strict.findings_of("chat")} == {"total-order"}
