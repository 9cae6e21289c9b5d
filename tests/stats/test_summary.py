from __future__ import annotations

import numpy as np

from wsproof.stats.summary import nearest_rank, summary_of


def test_a_percentile_is_one_of_the_samples() -> None:
    assert nearest_rank(np.array([1, 2, 3, 1000]), 0.5) == 2
    assert nearest_rank(np.array([1, 2, 3, 1000]), 0.75) == 3
    assert nearest_rank(np.array([1, 2, 3, 1000]), 0.76) == 1000


def test_the_99th_of_a_hundred_samples_is_the_99th() -> None:
    assert nearest_rank(np.arange(1, 101), 0.99) == 99
    assert nearest_rank(np.arange(1, 1001), 0.999) == 999


def test_percentiles_that_need_more_samples_are_null() -> None:
    few = summary_of(np.arange(99), "ns", "lower")
    assert (few.p90, few.p99, few.p999) == (89.0, None, None)
    more = summary_of(np.arange(999), "ns", "lower")
    assert (more.p99, more.p999) == (989.0, None)
    assert summary_of(np.arange(1000), "ns", "lower").p999 == 998.0


def test_a_summary_without_samples_has_nulls() -> None:
    for nothing in (None, np.zeros(0)):
        empty = summary_of(nothing, "ns", "lower")
        assert (empty.n, empty.value, empty.p50, empty.max) == (0, None, None, None)


def test_samples_need_not_be_in_order() -> None:
    summary = summary_of(np.array([30, 10, 20]), "ns", "lower")
    assert (summary.min, summary.p50, summary.value, summary.max, summary.mean) == (10, 20, 20, 30, 20)


def test_nanoseconds_since_boot_keep_their_last_digit() -> None:
    late = np.array([9_007_199_254_740_991, 9_007_199_254_740_990])
    assert summary_of(late, "ns", "lower").min == 9_007_199_254_740_990
