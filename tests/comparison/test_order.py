from __future__ import annotations

from collections import Counter

import pytest

from wsproof.comparison.order import Block, Side, block_order, identical_pairs, order_text


@pytest.mark.parametrize("pairs", [1, 2, 5, 8, 10, 30])
@pytest.mark.parametrize("seed", [0, 1, 7])
def test_each_pair_has_both_sides_next_to_each_other(pairs: int, seed: int) -> None:
    order = block_order(pairs, seed=seed)
    for first, second in zip(order[::2], order[1::2], strict=True):
        assert (first.pair, first.identical) == (second.pair, second.identical)
        expected = {Side.BASE, Side.BASE_AGAIN} if first.identical else {Side.BASE, Side.CANDIDATE}
        assert {first.side, second.side} == expected
    kinds = Counter(block.identical for block in order)
    assert (kinds[False], kinds[True]) == (2 * pairs, 2 * identical_pairs(pairs))


@pytest.mark.parametrize("seed", range(5))
def test_each_build_is_first_as_often_as_second(seed: int) -> None:
    order = block_order(10, seed=seed)
    first = Counter(block.side for block in order[::2] if not block.identical)
    assert first[Side.BASE] == first[Side.CANDIDATE] == 5
    for quartet in zip(*[iter(block for block in order if not block.identical)] * 4, strict=False):
        assert "".join(block.side.value for block in quartet) in ("ABBA", "BAAB")


def test_the_order_depends_only_on_the_seed() -> None:
    assert block_order(10, seed=3) == block_order(10, seed=3)
    assert len({block_order(10, seed=seed) for seed in range(20)}) > 5


def test_identical_pairs_are_spread_over_the_whole_run() -> None:
    order = block_order(8, seed=0)
    places = [index for index, block in enumerate(order) if block.identical]
    assert min(places) < len(order) / 4
    assert max(places) >= len(order) * 3 / 4


def test_an_order_is_written_as_one_letter_per_block() -> None:
    assert order_text((Block(Side.BASE, 0), Block(Side.CANDIDATE, 0), Block(Side.BASE_AGAIN, 0, True))) == "ABa"
