from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from wsproof import parse_sizes
from wsproof.model.sizes import Sizes

MANY = 20_000


def drawn(sizes: Sizes, seed: int = 1) -> list[int]:
    return list(islice(sizes.draw(seed), MANY))


@pytest.mark.parametrize("text", ["120", "64-1024", "120:9,4096:1"])
def test_a_record_has_the_sizes_as_the_user_typed_them(text: str) -> None:
    assert str(parse_sizes(text)) == text


def test_a_single_size_applies_to_all_publications() -> None:
    assert set(drawn(parse_sizes("120"))) == {120}


def test_a_range_draws_each_size_with_equal_probability() -> None:
    counts = Counter(drawn(parse_sizes("10-14")))
    assert set(counts) == {10, 11, 12, 13, 14}
    assert min(counts.values()) > 0.9 * MANY / 5


def test_a_mix_has_the_shares_of_its_weights() -> None:
    sizes = parse_sizes("100:8,1000:2")
    counts = Counter(drawn(sizes))
    assert counts[1000] / MANY == pytest.approx(0.2, abs=0.02)
    assert counts.total() == MANY
    assert (sizes.mean, sizes.largest) == (280, 1000)
    assert parse_sizes("64-1024").mean == 544


def test_the_same_seed_gives_the_same_sizes_and_another_seed_others() -> None:
    sizes = parse_sizes("1-1000")
    assert drawn(sizes) == drawn(sizes)
    assert drawn(sizes) != drawn(sizes, seed=2)


@pytest.mark.parametrize("text", ["", "0", "-5", "9-3", "a", "1:2:3", "10:0,5:1", "10:1,", "5:inf", "1.5"])
def test_an_invalid_value_of_sizes_is_refused_with_the_valid_forms(text: str) -> None:
    with pytest.raises(ValueError, match="expected a number of bytes, LOW-HIGH, or a mix"):
        parse_sizes(text)
