"""The order of the checks of one run."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from functools import cache

from wsproof.conformance.properties.property import Property
from wsproof.conformance.robustness.definition import RobustnessTest
from wsproof.conformance.rules import Binding
from wsproof.model.chapter import Chapter

__all__ = ["FairOrder"]

Check = Property | RobustnessTest

_BEHIND = 2.0
"""The run is behind once its checks have taken this many times their even share of the budget."""
_TRIED_S = 10.0
"""Seconds before which no run counts as behind, since a single slow check proves little."""


class FairOrder:
    """Chooses the next check: in the given order, or by chapter once the budget is too short for all checks.

    A server that does not answer some requests costs a full timeout for each of them. Such requests come in groups: a
    server that ignores one malformed handshake ignores most of them. In the given order, these timeouts would use up
    the budget, and the other chapters would not be checked. So a run that falls behind continues with the chapter that
    will have used the least time after its next check, as in fair queueing. Within a chapter, MUST comes first, and
    then the check with the fewest scripts: if each answer takes half a second, one check with many scripts takes as
    long as ten with few. Robustness tests come last, because they strain the server.

    `budget_s` is the time for all checks in seconds, infinite without a limit. `is_slow`: the server is known to be too
    slow for all checks. `scripts` returns the number of scripts of a check. Checks named in `first` come first.
    """

    def __init__(
        self,
        checks: Sequence[Check],
        budget_s: float,
        *,
        is_slow: bool = False,
        scripts: Callable[[Property], int] = lambda _: 0,
        first: Collection[str] = (),
    ) -> None:
        self.left = list(checks)
        """The checks that have not been chosen yet."""
        self._count = len(self.left)
        self._budget_s = budget_s
        self._is_fair = is_slow and math.isfinite(budget_s)
        self._used: dict[Chapter, float] = {}
        self._done: list[Property] = []
        self._scripts = cache(scripts)
        self._first = frozenset(first)
        self._chapters = list(dict.fromkeys(each.rule.chapter for each in checks))

    @property
    def done(self) -> float:
        """The part of the checks that have been chosen, from 0 to 1."""
        return 1.0 - len(self.left) / self._count if self._count else 1.0

    def next(self) -> Check:
        """Return the next check; there must be one left. The first check stays first, since all others depend on it."""
        chosen = self.left[0]
        properties = [each for each in self.left if isinstance(each, Property)]
        properties = [each for each in properties if each.name in self._first] or properties
        if self._is_fair and self._used and properties:
            chosen = min(self._first_of_each_chapter(properties), key=self._end_s)
        self.left.remove(chosen)
        return chosen

    def _first_of_each_chapter(self, checks: Sequence[Property]) -> list[Property]:
        """The next check of each chapter: what a server MUST do first, and there the one with the fewest scripts."""
        ranked = sorted(checks, key=lambda each: (list(Binding).index(each.rule.level), self._scripts(each)))
        first: dict[Chapter, Property] = {}
        for each in ranked:
            first.setdefault(each.rule.chapter, each)
        return [first[chapter] for chapter in self._chapters if chapter in first]

    def _end_s(self, check: Property) -> float:
        """The seconds that the check's chapter will have used once this check has ended."""
        return self._used.get(check.rule.chapter, 0.0) + self._scripts(check) * self._script_s

    @property
    def _script_s(self) -> float:
        """Seconds that a script has taken so far."""
        return sum(self._used.values()) / max(1, sum(map(self._scripts, self._done)))

    def took(self, check: Check, seconds: float) -> None:
        """Note how long a check took."""
        if isinstance(check, Property):
            self._done.append(check)
            chapter = check.rule.chapter
            self._used[chapter] = self._used.get(chapter, 0.0) + seconds
        used = sum(self._used.values())
        self._is_fair |= used > _TRIED_S and used > _BEHIND * self.done * self._budget_s
