"""Ranges of member ids, so that concurrent runs against one server do not use the same ids."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

SHARES, SIZE = 20_000, 100_000
"""Number of shares of the 31-bit ids, and ids per share. Concurrent runs very probably draw different shares."""


@dataclass(frozen=True, slots=True)
class MemberIds:
    """Our range of the ids in envelopes and member names. `first` is the id of member 0.

    `alone`: the server has no other clients, so the server invented any id outside our range. Otherwise such
    an id may belong to another run.
    """

    first: int = 0
    alone: bool = True

    def is_foreign(self, publisher: int) -> bool:
        """Whether a publisher, counted from our first id, belongs to another run."""
        return not self.alone and not 0 <= publisher < SIZE


def draw_share(*, alone: bool) -> MemberIds:
    """Return a run's range: the first share if the server is ours alone, else a random share."""
    return MemberIds() if alone else MemberIds(secrets.randbelow(SHARES) * SIZE, alone=False)
