"""Tests of the change points of a series.

`otava_change_points.json` holds series with the change points that Apache Otava 0.8.0 found in them (windows of 50,
p < 0.001, changes from 5 % on).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wsproof.stats.change_points import FEWEST, change_points

OTAVA: list[dict[str, Any]] = json.loads((Path(__file__).parent / "otava_change_points.json").read_text())


def noisy(count: int, seed: int = 1, noise: float = 0.03) -> list[float]:
    return list(100 * (1 + noise * np.random.default_rng(seed).standard_normal(count)))


@pytest.mark.parametrize("row", OTAVA, ids=lambda row: f"{len(row['values'])} values")
def test_the_change_points_are_those_of_otava(row: dict[str, Any]) -> None:
    assert [point.index for point in change_points(row["values"], floor=0.05, max_p=0.001)] == row["otava"]


def test_a_change_has_the_means_of_both_levels() -> None:
    (point,) = change_points([10.0, 10.1, 9.9, 10.0, 10.0] * 4 + [12.0, 12.1, 11.9, 12.0, 12.0] * 4)
    assert point.index == 20
    assert (round(point.before, 3), round(point.after, 3)) == (10.0, 12.0)
    assert round(point.change, 3) == 0.2
    assert point.p < 1e-12


def test_noise_alone_has_no_change_point() -> None:
    alarms = [bool(change_points(noisy(100, seed), floor=0.05)) for seed in range(40)]
    assert not any(alarms)


def test_a_change_of_ten_percent_is_found_within_three_runs() -> None:
    for seed in range(20):
        values = noisy(100, seed)
        values[60:] = [value * 1.1 for value in values[60:]]
        assert any(abs(point.index - 60) <= 3 for point in change_points(values, floor=0.05)), seed


def test_a_change_below_the_floor_does_not_count() -> None:
    values = noisy(60, noise=0.001)
    values[30:] = [value * 1.03 for value in values[30:]]
    assert change_points(values, floor=0.05) == ()
    assert [point.index for point in change_points(values, floor=0.02)] == [30]


def test_slow_runs_are_no_new_level_before_there_are_enough_of_them() -> None:
    values = noisy(40)
    slow = [150.0, 151.0, 149.0, 150.5]
    assert change_points([*values, *slow[: FEWEST - 1]], floor=0.05) == ()
    (point,) = change_points([*values, *slow], floor=0.05)
    assert point.index == 40


def test_a_level_that_does_not_last_has_two_change_points() -> None:
    values = noisy(90, noise=0.01)
    values[30:60] = [value * 1.2 for value in values[30:60]]
    assert [point.index for point in change_points(values, floor=0.05)] == [30, 60]


@pytest.mark.parametrize("values", [[], [1.0], [1.0] * 7, [5.0] * 100, [0.0] * 20])
def test_short_and_constant_series_have_no_change_point(values: list[float]) -> None:
    assert change_points(values) == ()


def test_a_constant_series_that_steps_has_a_change_point_even_from_zero() -> None:
    (point,) = change_points([0.0] * 10 + [1.0] * 10, floor=0.05)
    assert (point.index, point.p) == (10, 0.0)
    assert point.change == float("inf")
