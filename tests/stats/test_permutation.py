from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from wsproof.stats.permutation import EXACT_PAIRS, holm, interval, two_sided_p


def test_the_p_value_is_the_share_of_sign_flips_with_at_least_this_mean() -> None:
    differences = np.array([0.3, -0.1, 0.4, 0.2, 0.5])
    reached = abs(differences.sum())
    flips = [abs(float((np.array(signs) * differences).sum())) for signs in product((1, -1), repeat=5)]
    assert two_sided_p(differences) == sum(flip >= reached - 1e-12 for flip in flips) / 32


@pytest.mark.parametrize("pairs", [1, 5, 8, 10])
def test_pairs_that_all_agree_have_the_smallest_possible_p(pairs: int) -> None:
    assert two_sided_p(np.linspace(0.1, 0.2, pairs)) == 2 / 2**pairs


def test_pairs_without_a_difference_have_a_p_value_of_one() -> None:
    assert two_sided_p(np.zeros(8)) == 1.0
    assert two_sided_p(np.zeros(0)) == 1.0


def test_both_directions_have_the_same_p() -> None:
    differences = np.random.default_rng(3).normal(0.02, 0.03, 10)
    assert two_sided_p(differences) == two_sided_p(-differences)


def test_sign_flips_of_too_many_pairs_are_sampled_and_agree_with_the_exact_p_value() -> None:
    differences = np.random.default_rng(4).normal(0.01, 0.03, EXACT_PAIRS)
    exact = two_sided_p(differences)
    drawn = two_sided_p(np.append(differences, 0.0), seed=1)
    # A pair without difference changes nothing, but with it there are too many pairs to enumerate.
    assert drawn == pytest.approx(exact, abs=0.01)
    assert drawn == two_sided_p(np.append(differences, 0.0), seed=1)


def test_the_interval_has_the_shifts_that_the_test_does_not_reject() -> None:
    differences = np.random.default_rng(5).normal(0.05, 0.03, 9)
    bounds = interval(differences)
    assert bounds is not None
    low, high = bounds
    assert low < differences.mean() < high
    for inside in (low + 1e-9, high - 1e-9):
        assert two_sided_p(differences - inside) > 0.04
    for outside in (low - 1e-9, high + 1e-9):
        assert two_sided_p(differences - outside) <= 0.05


def test_six_pairs_are_the_fewest_that_have_a_95_percent_interval() -> None:
    differences = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    assert interval(differences) == (0.1, 0.6)
    assert interval(differences[:5]) is None
    assert interval(np.zeros(0)) is None


def test_the_interval_holds_the_truth_about_95_times_in_100() -> None:
    random = np.random.default_rng(6)
    hits = 0
    for _ in range(1000):
        bounds = interval(random.normal(0.1, 0.05, 8))
        assert bounds is not None
        hits += bounds[0] <= 0.1 <= bounds[1]
    assert 930 <= hits <= 970


def test_the_interval_of_many_pairs_is_sampled_reproducibly() -> None:
    differences = np.random.default_rng(7).normal(0.1, 0.05, 30)
    bounds = interval(differences, seed=1)
    assert bounds is not None
    assert bounds == interval(differences, seed=1)
    assert bounds[0] < differences.mean() < bounds[1]
    assert bounds[1] - bounds[0] == pytest.approx(2 * 2.045 * differences.std(ddof=1) / 30**0.5, rel=0.1)


def test_holm_steps_down_and_keeps_the_order() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert holm([]) == []
