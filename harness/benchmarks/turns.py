"""Blocks: everything that is compared has one turn in each, in an order of chance."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


def turns(things: Sequence[Thing], blocks: int) -> Iterator[tuple[int, Thing]]:
    """The name of a block, and who has its turn. It is a time in ns, so that blocks of several commands differ."""
    for _ in range(blocks):
        block = time.time_ns()
        for thing in random.sample(things, len(things)):
            yield block, thing
