from __future__ import annotations

import pytest

from wsproof.comparison.life import ROUND_S
from wsproof.comparison.lives import FEWEST_ROUNDS, QUICK, Extent, fewest_lives


@pytest.mark.parametrize(("cells", "lives"), [(1, 8), (2, 9), (4, 10), (8, 11)])
def test_more_cells_need_more_lives_for_a_verdict(cells: int, lives: int) -> None:
    assert fewest_lives(cells) == lives
    assert QUICK.times(cells) == Extent(lives=lives * cells, budget_s=120.0 * cells)
    assert Extent(lives=2).times(cells).lives == 2 * cells


def test_the_lives_share_the_budget_that_remains_after_starting_and_connecting() -> None:
    extent = Extent(lives=10, budget_s=100.0)
    assert extent.rounds_of(0, elapsed_s=0.0, overhead_s=4.0) == int(6.0 / ROUND_S)
    assert extent.rounds_of(5, elapsed_s=50.0, overhead_s=4.0) == int(6.0 / ROUND_S)
    assert extent.rounds_of(9, elapsed_s=80.0, overhead_s=4.0) == int(16.0 / ROUND_S)


def test_a_slow_machine_gets_shorter_lives_and_as_many() -> None:
    extent, elapsed_s, begun = Extent(lives=10, budget_s=200.0), 0.0, 0
    while extent.has_time(begun, elapsed_s, overhead_s=15.0):
        elapsed_s += 15.0 + extent.rounds_of(begun, elapsed_s, overhead_s=15.0) * ROUND_S
        begun += 1
    assert begun == 10
    assert elapsed_s <= 200.0


def test_a_life_that_would_exceed_the_budget_does_not_begin() -> None:
    extent = Extent(lives=10, budget_s=100.0)
    shortest_s = FEWEST_ROUNDS * ROUND_S
    assert extent.has_time(3, 100.0 - 20.0 - shortest_s, overhead_s=20.0)
    assert not extent.has_time(3, 100.1 - 20.0 - shortest_s, overhead_s=20.0)


def test_the_first_life_always_begins_and_the_number_of_lives_is_limited() -> None:
    extent = Extent(lives=2, budget_s=1.0)
    assert extent.has_time(0, 5.0, overhead_s=8.0)
    assert extent.rounds_of(0, 5.0, overhead_s=8.0) == FEWEST_ROUNDS
    assert not Extent(lives=2).has_time(2, 5.0, overhead_s=8.0)


def test_a_given_number_of_rounds_holds_for_all_lives() -> None:
    extent = Extent(lives=3, rounds=7)
    assert [extent.rounds_of(index, 100.0 * index, 8.0) for index in range(3)] == [7, 7, 7]


@pytest.mark.parametrize(("extent", "budget_s"), [(Extent(), 600.0), (QUICK, 120.0)])
def test_both_lengths_have_enough_lives_to_show_a_regression(extent: Extent, budget_s: float) -> None:
    assert extent.lives >= 8
    assert extent.budget_s == budget_s
