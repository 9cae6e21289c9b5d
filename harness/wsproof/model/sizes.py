"""Message sizes: one size per publication. The same value and seed give the same sizes.

120            every message
64-1024        uniformly distributed between the two
120:9,4096:1   a weighted mix: nine of ten messages have 120 bytes, one of ten has 4096
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BLOCK = 1024
SYNTAX = "a number of bytes, LOW-HIGH, or a mix SIZE:WEIGHT,SIZE:WEIGHT"


@dataclass(frozen=True)
class Sizes:
    """A distribution of message lengths in bytes.

    Without `weights`, all lengths from the first to the last are equally likely.
    """

    bytes: tuple[int, ...]
    weights: tuple[float, ...] = ()

    @property
    def smallest(self) -> int:
        return min(self.bytes)

    @property
    def largest(self) -> int:
        return max(self.bytes)

    @property
    def mean(self) -> float:
        """The mean length in bytes."""
        if not self.weights:
            return (self.bytes[0] + self.bytes[-1]) / 2
        return sum(size * weight for size, weight in zip(self.bytes, self.weights, strict=True)) / sum(self.weights)

    def draw(self, *seed: int) -> Iterator[int]:
        """Yield an endless sequence of sizes, one per publication."""
        random = np.random.default_rng(seed)
        while True:
            if self.weights:
                share = np.array(self.weights) / sum(self.weights)
                yield from random.choice(self.bytes, BLOCK, p=share).tolist()
            else:
                yield from random.integers(self.bytes[0], self.bytes[-1], BLOCK, endpoint=True).tolist()

    def __str__(self) -> str:
        if not self.weights:
            low, high = self.bytes[0], self.bytes[-1]
            return f"{low}" if low == high else f"{low}-{high}"
        return ",".join(f"{size}:{weight:g}" for size, weight in zip(self.bytes, self.weights, strict=True))


def parse_sizes(text: str) -> Sizes:
    """Parse sizes as users type them.

    Raises:
        ValueError: the text has none of the valid forms; the message lists them.
    """
    try:
        if ":" in text:
            pairs = [part.split(":") for part in text.split(",")]
            sizes = Sizes(tuple(int(size) for size, _ in pairs), tuple(float(weight) for _, weight in pairs))
            good = min(sizes.weights) > 0 and sum(sizes.weights) < float("inf")
        else:
            low, dash, high = text.partition("-")
            sizes = Sizes((int(low), int(high) if dash else int(low)))
            good = sizes.bytes[0] <= sizes.bytes[1]
        if good and min(sizes.bytes) >= 1:
            return sizes
    except ValueError:
        pass  # reported below, with the valid forms
    raise ValueError(f"expected {SYNTAX}, got {text!r}")
