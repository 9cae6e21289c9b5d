"""The small, fast version of `python harness/benchmarks/compare_rules.py`: seeded, so its counts never change."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.compare_rules import NOISY_P99, QUIET, WILD, Scenario, simulate

TRIALS = 150


def test_identical_code_is_hardly_ever_called_worse_or_better() -> None:
    for world in (
        Scenario("quiet", 10, QUIET),
        Scenario("noisy p99", 10, NOISY_P99, heavy=("latency_p99",)),
        Scenario("wild", 8, WILD),
    ):
        assert simulate(world, TRIALS, seed=1).alarmed <= 0.02, world.title


def test_identical_code_on_a_quiet_machine_is_often_called_the_same() -> None:
    assert simulate(Scenario("very quiet", 10, (0.015,) * 4), TRIALS, seed=1).same >= 0.95


def test_ten_percent_more_latency_is_usually_found() -> None:
    assert simulate(Scenario("+10 %", 10, QUIET, (1.1, 1, 1, 1)), TRIALS, seed=1).found >= 0.9


def test_a_factor_of_five_is_always_found_even_with_wild_noise() -> None:
    wild = Scenario("x5", 8, WILD, (5, 1, 1, 1))
    assert simulate(wild, TRIALS, seed=1).found == 1.0
    assert simulate(replace(wild, ratio=(5, 5, 5, 5)), TRIALS, seed=2).found == 1.0


def test_drift_across_the_whole_run_is_not_taken_for_a_change() -> None:
    assert simulate(Scenario("drift", 8, QUIET, drift=0.5), TRIALS, seed=1).alarmed <= 0.02
