"""Tests that numbers have a readable unit, and that rounding does not change their meaning."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsproof.report.text.units import change, duration, for_reader, significant


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1_840_321, "ns", "1.84 ms"),
        (999_900, "ns", "1 ms"),
        (999, "ns", "999 ns"),
        (0, "ns", "0 ns"),
        (7.34, "us", "7.34 µs"),
        (12_000, "us", "12 ms"),
        (3e9, "ns", "3 s"),
        (1.7, "KiB", "1.7 KiB"),
        (2048, "KiB", "2 MiB"),
        (2000.0, "1/s", "2,000/s"),
        (0.256, "0-1", "25.6 %"),
        (3, "1", "3"),
        (None, "ns", "–"),
        (math.nan, "ns", "–"),
        (-250_000, "ns", "-250 µs"),
    ],
)
def test_values_are_shown_in_readable_units(value: float | None, unit: str, text: str) -> None:
    assert for_reader(value, unit) == text


@given(st.floats(0, 1, exclude_max=True))
def test_a_share_below_one_is_never_shown_as_100_percent(value: float) -> None:
    assert for_reader(value, "0-1") != "100 %"
    assert (for_reader(value, "0-1") == "0 %") == (value == 0)


@given(st.floats(1e-9, 1e15))
def test_three_digits_are_kept(value: float) -> None:
    assert math.isclose(float(significant(value).replace(",", "")), value, rel_tol=0.006)


@pytest.mark.parametrize(
    ("ratio", "text"), [(1.125, "+12.5 %"), (0.97, "−3.0 %"), (1.0, "0 %"), (2.4, "×2.4"), (None, "–")]
)
def test_a_ratio_is_shown_as_a_change(ratio: float | None, text: str) -> None:
    assert change(ratio) == text


def test_long_durations_are_shown_in_minutes() -> None:
    assert [duration(seconds) for seconds in (14.2, 185, 3720)] == ["14.2 s", "3 min 05 s", "1 h 02 min"]
