"""The time that a run may take: no wait lasts longer than what is left of it."""

from __future__ import annotations

import math
from collections.abc import Callable

from wsproof.net.clock import now_ns

__all__ = ["DEFAULT_BUDGET_S", "RESERVE_S", "Budget", "BudgetSpent"]

DEFAULT_BUDGET_S = 60.0
"""Seconds for a whole check, where nothing else is asked for."""
RESERVE_S = 7.0
"""Seconds of it, a tenth at most, that are kept for the end: to stop the server, and to write the report."""
_LEAST_S = 0.001


class BudgetSpent(Exception):
    """The budget of a run is over."""


class Budget:
    """Counts from now; None has no end. `reserve_s` of it are kept back: it is spent so much earlier."""

    def __init__(
        self, seconds: float | None, *, reserve_s: float = 0.0, clock: Callable[[], int] = now_ns, whose: str = "the"
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._whose = whose
        self._end_ns = clock() + int((seconds - reserve_s) * 1e9) if seconds is not None else None

    @classmethod
    def of_check(cls, seconds: float | None, gone_s: float = 0.0, clock: Callable[[], int] = now_ns) -> Budget:
        """The budget of a whole check, of which `gone_s` have gone by; the server's start and the report included."""
        if seconds is None or math.isinf(seconds):
            return cls(None, clock=clock)
        return cls(seconds, reserve_s=min(RESERVE_S, seconds / 10) + gone_s, clock=clock)

    def share(self, part: float, whose: str) -> Budget:
        """A part (0-1) of what is left, of its own: the rest is there for whoever comes next."""
        share = Budget(self.seconds, clock=self._clock, whose=whose)
        if self._end_ns is not None:
            now = self._clock()
            share._end_ns = now + int(max(0, self._end_ns - now) * part)
        return share

    @property
    def reason(self) -> str:
        """Why something is not run once it is spent."""
        return f"{self._whose} budget of {self.seconds or 0.0:g} s is spent"

    @property
    def remaining_s(self) -> float:
        """Seconds that are left; infinite where it has no end."""
        return math.inf if self._end_ns is None else max(0, self._end_ns - self._clock()) / 1e9

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self._end_ns is not None and self._clock() >= self._end_ns

    def check(self) -> None:
        """Go on only while something is left. Raises BudgetSpent."""
        if self.spent:
            raise BudgetSpent

    def at_most(self, seconds: float) -> float:
        """A wait of so many seconds, or what is left if that is less: one that was cut convicts nobody."""
        return seconds if self._end_ns is None else max(_LEAST_S, min(seconds, self.remaining_s))
