"""Reproducible random numbers: a small generator whose state is one integer."""

from __future__ import annotations

MASK = (1 << 64) - 1


class Chance:
    """SplitMix64 (Steele, Lea and Flood, 2014). Not for secrets."""

    def __init__(self, seed: int) -> None:
        self.state = seed & MASK

    def below(self, limit: int) -> int:
        """Return an integer from 0 to `limit` - 1. The limits are small, so the bias of the remainder is negligible."""
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        mixed = self.state
        mixed = ((mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        mixed = ((mixed ^ (mixed >> 27)) * 0x94D049BB133111EB) & MASK
        return (mixed ^ (mixed >> 31)) % limit
