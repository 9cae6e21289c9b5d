"""The order of blocks: ABBA, with base-against-base pairs (A/A) in between, from a recorded seed.

ABBA cancels a linear drift of the machine: within two pairs, each build runs once first and once second. The seed
determines which build begins each group of four. A/A pairs are additional blocks. They are spread over the whole run,
so that they run under the same conditions as the A/B pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

FEWEST_IDENTICAL = 4
"""Fewest A/A pairs of a comparison, unless there are fewer A/B pairs."""


class Side(StrEnum):
    """The build that a block runs. BASE_AGAIN is the base too: its second block in an A/A pair."""

    BASE = "A"
    CANDIDATE = "B"
    BASE_AGAIN = "a"


@dataclass(frozen=True)
class Block:
    """One position in the order. `identical` marks an A/A pair; pairs of either kind are numbered from 0."""

    side: Side
    pair: int
    identical: bool = False


def identical_pairs(pairs: int) -> int:
    """The number of A/A pairs for this number of A/B pairs.

    It is half of it, at least four, and never more than there are A/B pairs.
    """
    return min(pairs, max(FEWEST_IDENTICAL, pairs // 2))


def block_order(pairs: int, *, seed: int, identical: int | None = None) -> tuple[Block, ...]:
    """All blocks of a comparison, in the order in which they are run."""
    random = np.random.default_rng(seed)
    count = identical_pairs(pairs) if identical is None else identical
    order: list[Block] = []
    identical_so_far = 0
    first = Side.BASE
    for pair in range(pairs):
        # The second pair of a group mirrors the first: A B, B A.
        first = _other(first) if pair % 2 else (Side.BASE, Side.CANDIDATE)[int(random.integers(2))]
        order += [Block(first, pair), Block(_other(first), pair)]
        while identical_so_far < count and (identical_so_far + 1) * pairs <= (pair + 1) * count:
            sides = (Side.BASE, Side.BASE_AGAIN) if identical_so_far % 2 == 0 else (Side.BASE_AGAIN, Side.BASE)
            order += [Block(side, identical_so_far, identical=True) for side in sides]
            identical_so_far += 1
    return tuple(order)


def order_text(order: tuple[Block, ...]) -> str:
    """The order as a string for records: `ABBAAaBA...`."""
    return "".join(block.side.value for block in order)


def _other(side: Side) -> Side:
    return Side.CANDIDATE if side is Side.BASE else Side.BASE
