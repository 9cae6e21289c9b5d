from __future__ import annotations

from itertools import product
from math import exp, log

import numpy as np
import pytest

from wsproof.model.comparison import Judgement
from wsproof.stats.comparison import judge_lives
from wsproof.stats.lives import Life, spread_of, trimmed_mean, weigh_lives

STEPS = (0.004, -0.006, 0.002, -0.003, 0.006, -0.002, 0.003, -0.004)


def life(ratio: float, *, variation: float = 0.0, again: float = 1.0, rounds: int = 10) -> Life:
    """Return a life whose candidate is `ratio` times the base, and whose second base is `again` times the first."""
    machine_state = 1 + np.arange(rounds) % 3
    row = np.array([1.0, ratio * exp(variation) * again**0.5, again])
    return Life(100.0 * machine_state[:, None] * row)


def lives(ratio: float, count: int = 8, *, scale: float = 1.0) -> list[Life]:
    """Return lives that differ a little from each other."""
    return [life(ratio, variation=scale * STEPS[index % len(STEPS)]) for index in range(count)]


def test_an_effect_on_a_whole_round_is_no_difference() -> None:
    steady = life(1.1)
    assert steady.differences == pytest.approx(log(1.1))
    assert steady.identical == pytest.approx(0.0)


def test_the_candidate_is_compared_with_the_mean_of_both_bases() -> None:
    life_of_one_round = Life(np.array([[100.0, 110.0, 121.0]]))
    assert life_of_one_round.differences == pytest.approx(0.0)
    assert life_of_one_round.identical == pytest.approx(log(1.21))


def test_outliers_that_all_servers_share_are_no_difference() -> None:
    steady = np.tile([1.0, 1.01, 1.02, 1.03, 1.04], 12)
    columns = np.array([np.roll(np.where(np.arange(60) < 9, 5.0, steady), shift) for shift in (0, 20, 40)])
    orders = [columns[list(order)].T for order in ((0, 1, 2), (1, 0, 2), (1, 2, 0), (0, 2, 1), (2, 0, 1), (2, 1, 0))]
    assert sum(Life(rounds).effect for rounds in orders) == pytest.approx(0.0, abs=1e-12)
    assert abs(sum(trimmed_mean(Life(rounds).differences) for rounds in orders)) > 1e-4


def test_a_pair_has_the_ratio_of_its_life() -> None:
    base, candidate = life(1.3, again=1.2).pair
    assert candidate / base == pytest.approx(1.3)


def test_a_round_without_a_value_is_left_out() -> None:
    rounds = life(1.2).rounds.copy()
    rounds[3, 2] = np.nan
    rounds[4, 0] = 0.0
    assert len(Life(rounds).differences) == 8
    assert not Life(rounds[3:5]).is_complete


def test_two_outliers_among_ten_rounds_change_nothing() -> None:
    values = np.full(10, 0.02)
    assert trimmed_mean(values) == pytest.approx(0.02)
    values[[1, 7]] = 3.0
    assert trimmed_mean(values) == pytest.approx(0.02)


def test_the_p_value_is_that_of_all_sign_flips_of_whole_lives() -> None:
    some = [life(1.02, variation=variation) for variation in (0.01, -0.03, 0.02, 0.04, -0.01, 0.03)]
    effects = np.array([log(1.02) + variation for variation in (0.01, -0.03, 0.02, 0.04, -0.01, 0.03)])
    flips = [abs(float((np.array(signs) * effects).sum())) for signs in product((1, -1), repeat=6)]
    evidence = weigh_lives(some)
    assert evidence is not None
    assert evidence.p == sum(flip >= abs(effects.sum()) - 1e-12 for flip in flips) / 64


def test_many_rounds_of_few_lives_are_weak_evidence() -> None:
    evidence = weigh_lives([life(1.5, variation=variation, rounds=1000) for variation in (0.0, 0.01, 0.02)])
    assert evidence is not None
    assert evidence.p == 2 / 2**3


def test_both_levels_of_noise_are_estimated_separately() -> None:
    random = np.random.default_rng(1)
    some = [Life(100 * np.exp(random.normal(0, 0.05, (50, 3)) + random.normal(0, 0.03, 3))) for _ in range(200)]
    spread = spread_of(some)
    assert spread is not None
    assert spread.round == pytest.approx(0.05 * 1.5**0.5, rel=0.05)
    assert spread.life == pytest.approx(0.03 * 1.5**0.5, rel=0.15)
    assert spread_of(some[:1]) is None


@pytest.mark.parametrize(
    ("name", "ratio", "verdict"),
    [
        ("server_cpu_per_delivery", 1.0, Judgement.SAME),
        ("server_cpu_per_delivery", 1.03, Judgement.SAME),
        ("server_cpu_per_delivery", 1.055, Judgement.WORSE),
        ("server_cpu_per_delivery", 1 / 1.055, Judgement.BETTER),
        ("latency_p99", 1.10, Judgement.SAME),
        ("latency_p99", 1.155, Judgement.WORSE),
    ],
)
def test_a_change_of_the_size_of_the_floor_is_worse_and_a_smaller_one_the_same(
    name: str, ratio: float, verdict: Judgement
) -> None:
    (comparison,) = judge_lives({name: lives(ratio)})
    assert (comparison.verdict, comparison.note) == (verdict, "")
    assert comparison.ratio == pytest.approx(ratio, rel=0.01)
    assert len(comparison.pairs) == 8


@pytest.mark.parametrize(("scale", "verdict"), [(9.0, Judgement.SAME), (12.0, Judgement.CANNOT_TELL)])
def test_the_verdict_same_needs_two_one_sided_tests_at_five_percent(scale: float, verdict: Judgement) -> None:
    some = lives(1.02, scale=scale)
    evidence = weigh_lives(some)
    assert evidence is not None
    assert evidence.span is not None
    assert evidence.equivalence is not None
    assert evidence.span.extent > log(1.05)
    assert (evidence.equivalence.extent <= log(1.05)) is (verdict is Judgement.SAME)
    (comparison,) = judge_lives({"latency_p50": some})
    assert comparison.verdict is verdict


def test_seven_lives_cannot_be_significant() -> None:
    (comparison,) = judge_lives({"latency_p50": lives(2.0, 7)})
    assert comparison.verdict is Judgement.CANNOT_TELL
    assert "--lives 8" in comparison.note


def test_an_effect_that_identical_code_also_has_is_not_a_difference() -> None:
    shaky = [life(1.1, again=1.3 if index % 2 else 1 / 1.3) for index in range(8)]
    (comparison,) = judge_lives({"latency_p50": shaky})
    assert comparison.verdict is Judgement.CANNOT_TELL
    assert "identical code moved by up to" in comparison.note


def test_a_base_that_always_differs_from_itself_is_vetoed() -> None:
    biased = [life(3.0, variation=step, again=1.4 + step) for step in STEPS]
    (comparison,) = judge_lives({"latency_p50": biased})
    assert comparison.verdict is Judgement.CANNOT_TELL
    assert comparison.note.startswith("vetoed")


def test_a_metric_without_a_complete_life_is_unknown() -> None:
    (comparison,) = judge_lives({"latency_p50": [Life(np.full((4, 3), np.nan))]})
    assert (comparison.verdict, comparison.ratio, comparison.base) == (Judgement.CANNOT_TELL, None, None)
