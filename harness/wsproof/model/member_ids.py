"""Numbers for the members of a run, such that two runs against one server do not take each other's."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

SHARES, SIZE = 20_000, 100_000
"""Runs against one server at once take numbers from different shares of 31 bits, with high probability."""


@dataclass(frozen=True, slots=True)
class MemberIds:
    """What is ours among the numbers that stand in envelopes and make names. `first` is member 0's.

    `alone`: the server has no other clients, so that a number which is not ours is one that the server made up. Else it
    may be a stranger's.
    """

    first: int = 0
    alone: bool = True

    def is_strangers(self, publisher: int) -> bool:
        """Whether a publisher, counted from our first, is somebody else's member."""
        return not self.alone and not 0 <= publisher < SIZE


def draw_share(*, alone: bool) -> MemberIds:
    """A run's share: the first on a server of ours alone, any of them elsewhere."""
    return MemberIds() if alone else MemberIds(secrets.randbelow(SHARES) * SIZE, alone=False)
