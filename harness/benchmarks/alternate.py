"""Blocks of a comparison: each candidate has one turn per block, in random order."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


def alternate(things: Sequence[Thing], blocks: int) -> Iterator[tuple[int, Thing]]:
    """Yield pairs of a block's name and the candidate to measure.

    The name is a time in ns, so that blocks of several commands differ.
    """
    for _ in range(blocks):
        block = time.time_ns()
        for thing in random.sample(things, len(things)):
            yield block, thing
