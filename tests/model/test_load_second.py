from __future__ import annotations

import json

import pytest

from wsproof.model.load_second import ConnectionCounts, LoadSecond, bucket_counts, percentile_ns

MS = 1_000_000


def test_a_percentile_has_an_error_of_at_most_one_percent_and_needs_a_value_beyond_it() -> None:
    counts = bucket_counts(number * MS for number in range(1, 101))
    assert percentile_ns(counts, 0.5) == pytest.approx(50 * MS, rel=0.01)
    assert percentile_ns(counts, 0.99) == pytest.approx(99 * MS, rel=0.01)
    assert percentile_ns(counts, 0.999) is None
    assert percentile_ns(counts, 1.0) == pytest.approx(100 * MS, rel=0.01)
    assert percentile_ns({}, 0.5) is None


def test_a_duration_may_be_given_with_the_number_of_its_occurrences() -> None:
    assert bucket_counts([5 * MS, 9 * MS, 5 * MS], [2, 1, 3]) == bucket_counts([5 * MS] * 5 + [9 * MS])


def test_one_second_of_two_processes_has_their_sums_and_the_busier_generator() -> None:
    second = LoadSecond(7, latency={1: 2}, deliveries=3, outstanding=1, oldest_ns=5, cpu_share=0.2, unsent=1)
    two = LoadSecond(
        7, latency={1: 1, 9: 1}, deliveries=4, oldest_ns=9, cpu_share=0.9, connections=ConnectionCounts(ended=1)
    )
    both = second + two
    assert (both.latency, both.deliveries, both.outstanding, both.unsent) == ({1: 3, 9: 1}, 7, 1, 1)
    assert (both.oldest_ns, both.cpu_share, both.connections.ended) == (9, 0.9, 1)


def test_a_second_survives_json() -> None:
    second = LoadSecond(
        7, is_measured=False, latency={1 << 20: 2}, overdue={3: 1}, connections=ConnectionCounts(receiving=4)
    )
    assert LoadSecond.from_json(json.loads(json.dumps(second.to_json()))) == second


def test_reach_is_the_share_of_the_expected_deliveries() -> None:
    assert LoadSecond(7, planned=200, missed=50).reach == 0.75
    assert LoadSecond(7).reach is None
