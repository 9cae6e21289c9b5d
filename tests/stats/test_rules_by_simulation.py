"""Small, fast versions of `compare_rules.py` and `compare_windows.py`. Fixed seeds keep the counts constant."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.compare_rules import NOISY_P99, QUIET, WILD, Scenario, simulate
from benchmarks.compare_windows import World
from benchmarks.compare_windows import simulate as simulate_windows

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


def test_drift_across_the_whole_run_does_not_count_as_a_change() -> None:
    assert simulate(Scenario("drift", 8, QUIET, drift=0.5), TRIALS, seed=1).alarmed <= 0.02


@pytest.mark.slow
def test_windows_hardly_ever_call_identical_code_worse_or_better() -> None:
    for world in (
        World("quiet"),
        World("life effects", life=(0.03,) * 4),
        World("drift", drift=0.5),
        World("outliers", outliers=0.05),
        World("noise", noise=(0.3,) * 4),
    ):
        assert simulate_windows(world, 25, seed=1).alarmed <= 0.05, world.title


@pytest.mark.slow
def test_windows_call_identical_code_the_same_in_spite_of_disturbances() -> None:
    for world in (World("quiet"), World("two modes", slow=0.3), World("drift", drift=0.5)):
        assert simulate_windows(world, 25, seed=1).same >= 0.95, world.title


def test_stopping_at_a_width_of_the_intervals_keeps_the_error_rate() -> None:
    world = simulate_windows(World("until", life=(0.03,) * 4, until=0.06), 40, seed=1)
    assert world.alarmed <= 0.05


def test_windows_find_five_percent_of_cpu_and_fifteen_of_p99() -> None:
    assert simulate_windows(World("CPU +5 %", ratio=(1, 1, 1, 1.05)), 40, seed=1).found >= 0.9
    assert simulate_windows(World("p99 +15 %", ratio=(1, 1.15, 1, 1)), 40, seed=1).found >= 0.9


def test_flipping_single_rounds_would_report_the_effect_of_a_life_as_a_difference() -> None:
    world = simulate_windows(World("life effects", life=(0.03,) * 4), 40, seed=1)
    assert world.naive >= 0.2
    assert world.alarmed == 0.0
