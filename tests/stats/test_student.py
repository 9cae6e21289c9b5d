from __future__ import annotations

import pytest

from wsproof.stats.paired import student_probability, student_quantile


@pytest.mark.parametrize(
    ("confidence", "freedom", "t"),
    [(0.95, 1, 12.706), (0.95, 2, 4.303), (0.95, 9, 2.262), (0.99, 4, 4.604), (0.99, 30, 2.750), (0.999, 13, 4.221)],
)
def test_quantiles_are_those_of_the_printed_tables(confidence: float, freedom: int, t: float) -> None:
    assert student_quantile(confidence, freedom) == pytest.approx(t, abs=6e-4)


def test_student_t_has_no_mass_within_zero_and_all_of_it_within_a_wide_interval() -> None:
    for freedom in (1, 2, 3, 10):
        assert student_probability(0.0, freedom) == 0.0
        assert student_probability(1e9, freedom) == pytest.approx(1.0)
