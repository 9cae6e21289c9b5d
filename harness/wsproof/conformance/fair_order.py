"""The order of the checks of one run."""

from __future__ import annotations

import math
from collections.abc import Sequence

from wsproof.conformance.properties.property import Property
from wsproof.conformance.robustness.definition import RobustnessTest
from wsproof.model.chapter import Chapter

__all__ = ["FairOrder"]

Check = Property | RobustnessTest

_BEHIND = 2.0
"""The run is behind once its checks took this many times their even share of the budget."""
_TRIED_S = 10.0
"""Seconds before which a run is not called behind: one slow check alone says little."""


class FairOrder:
    """Chooses the next check: in the written order, and by chapter once the budget will not suffice for all.

    A server that leaves some requests without an answer costs a full timeout each time. Such requests come in groups:
    a server that ignores one malformed handshake ignores most of them. In the written order they would use up the
    whole budget, and nothing would be known of the other chapters. So a run that falls behind goes on with the chapter
    that has used the least time. Robustness tests stay last, because they strain the server.

    `budget_s` is the time for all checks in seconds, infinite without a limit. `is_slow` says that the server is known
    to be too slow for all checks.
    """

    def __init__(self, wanted: Sequence[Check], budget_s: float, *, is_slow: bool = False) -> None:
        self.left = list(wanted)
        """The checks that have not been chosen yet."""
        self._count = len(self.left)
        self._budget_s = budget_s
        self._is_fair = is_slow and math.isfinite(budget_s)
        self._used: dict[Chapter, float] = {}

    @property
    def done(self) -> float:
        """The part of the checks that have been chosen, from 0 to 1."""
        return 1.0 - len(self.left) / self._count if self._count else 1.0

    def next(self) -> Check:
        """Return the next check. There must be one left."""
        chosen = self.left[0]
        properties = [each for each in self.left if isinstance(each, Property)]
        if self._is_fair and properties:
            chosen = min(properties, key=lambda each: self._used.get(each.rule.chapter, 0.0))
        self.left.remove(chosen)
        return chosen

    def took(self, check: Check, seconds: float) -> None:
        """Note how long a check took."""
        if isinstance(check, Property):
            chapter = check.rule.chapter
            self._used[chapter] = self._used.get(chapter, 0.0) + seconds
        used = sum(self._used.values())
        self._is_fair |= used > _TRIED_S and used > _BEHIND * self.done * self._budget_s
