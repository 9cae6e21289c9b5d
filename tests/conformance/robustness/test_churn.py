"""Tests that connection churn is limited in time: a slow server gets smaller rounds, and enough of them."""

from __future__ import annotations

import pytest

from wsproof.conformance.robustness.churn import CHURN_ENDS, Churn, fitting_size
from wsproof.conformance.robustness.leak_slope import ChurnRound


@pytest.mark.parametrize(
    ("took_s", "size"),
    [(0.5, 200), (1.0, 120), (2.0, 60), (100.0, 25)],
)
def test_the_size_of_the_churn_rounds_depends_on_the_duration_of_the_first(took_s: float, size: int) -> None:
    assert fitting_size(200, 100, took_s, 6.0) == size


def test_two_rounds_show_no_leak_of_descriptors() -> None:
    end = CHURN_ENDS["freed-after-close"]
    rounds = [ChurnRound(25, 10 + 25 * number, None) for number in range(3)]
    assert Churn(end, rounds[:2], size=25).fds is None
    assert Churn(end, rounds, size=25).fds == 1.0


def test_small_or_interrupted_rounds_show_no_memory_leak() -> None:
    end = CHURN_ENDS["freed-after-close"]
    rounds = [ChurnRound(200, 10, 1_000_000 * number) for number in range(1, 7)]
    assert Churn(end, rounds, size=200).memory == 5_000.0
    assert Churn(end, rounds, size=25).memory is None
    assert Churn(end, rounds, size=200, was_cut=True).memory is None
