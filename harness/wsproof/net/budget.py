"""Time budget of a run: no wait lasts longer than the rest of the budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from wsproof.net.clock import now_ns

__all__ = ["DEFAULT_BUDGET_S", "QUICK_BUDGET_S", "RESERVE_S", "RETRIES_S", "Budget", "BudgetSpent"]

DEFAULT_BUDGET_S = 60.0
"""Seconds for a whole check, unless the user asks for another budget."""
QUICK_BUDGET_S = 15.0
"""Seconds for a quick check."""
RETRIES_S = 5.0
"""Seconds of the budget, at most a tenth, reserved for retries of findings."""
RESERVE_S = 7.0
"""Seconds of the budget, at most a tenth, reserved for the end: to stop the server and write the report."""
_MIN_WAIT_S = 0.001


class BudgetSpent(Exception):
    """The time budget of a run is used up."""


class Budget:
    """A time budget that starts now; `seconds=None` means no limit.

    The last `reserve_s` of the budget are reserved: the budget counts as spent that much earlier.
    """

    def __init__(
        self, seconds: float | None, *, reserve_s: float = 0.0, clock: Callable[[], int] = now_ns, whose: str = "the"
    ) -> None:
        self.seconds = seconds
        self._clock = clock
        self._whose = whose
        self._end_ns = clock() + int((seconds - reserve_s) * 1e9) if seconds is not None else None
        self._reserved_ns = 0

    @classmethod
    def of_check(cls, seconds: float | None, elapsed_s: float = 0.0, clock: Callable[[], int] = now_ns) -> Budget:
        """Return the budget of a whole check, of which `elapsed_s` have already passed.

        The start of the server and the report are part of the budget.
        """
        if seconds is None or math.isinf(seconds):
            return cls(None, clock=clock)
        return cls(seconds, reserve_s=min(RESERVE_S, seconds / 10) + elapsed_s, clock=clock)

    def share(self, part: float, whose: str) -> Budget:
        """Return a new budget with a part (0-1) of the remaining time. The rest is left for later steps."""
        share = Budget(self.seconds, clock=self._clock, whose=whose)
        if self._end_ns is not None:
            now = self._clock()
            share._end_ns = now + int(max(0, self._end_ns - now) * part)
        return share

    def extend(self, seconds: float) -> None:
        """Make at least this much time available from now on, for a step that the user has asked for."""
        if self._end_ns is not None:
            self._end_ns = max(self._end_ns, self._clock() + int(seconds * 1e9))

    @contextmanager
    def leaving_retries(self) -> Iterator[None]:
        """Reserve time for retries in this block: the budget counts as spent RETRIES_S earlier, or a tenth earlier.

        If the block spends the budget, it stays spent, except for `for_retries`.
        """
        self._reserve()
        try:
            yield
        except BudgetSpent:
            raise
        except BaseException:
            self._release()
            raise
        self._release()

    @contextmanager
    def for_retries(self) -> Iterator[None]:
        """Allow this block to use the time that was reserved for retries."""
        reserved = self._release()
        try:
            yield
        finally:
            if reserved:
                self._reserve()

    def _reserve(self) -> None:
        if self._end_ns is not None and self.seconds is not None and not self._reserved_ns:
            self._reserved_ns = int(min(RETRIES_S, self.seconds / 10) * 1e9)
            self._end_ns -= self._reserved_ns

    def _release(self) -> bool:
        """Release the time that `_reserve` has reserved. Returns whether there was any."""
        reserved, self._reserved_ns = self._reserved_ns, 0
        if self._end_ns is not None:
            self._end_ns += reserved
        return reserved > 0

    @property
    def reason(self) -> str:
        """Return why a step is not run once the budget is spent."""
        return f"{self._whose} budget of {self.seconds or 0.0:g} s is spent"

    @property
    def remaining_s(self) -> float:
        """Remaining seconds; infinite without a limit."""
        return math.inf if self._end_ns is None else max(0, self._end_ns - self._clock()) / 1e9

    @property
    def spent(self) -> bool:
        """Whether no time is left."""
        return self._end_ns is not None and self._clock() >= self._end_ns

    def check(self) -> None:
        """Raise BudgetSpent if no time is left."""
        if self.spent:
            raise BudgetSpent

    def at_most(self, seconds: float) -> float:
        """Limit a wait to the remaining time. A wait that was cut short must not cause a violation."""
        return seconds if self._end_ns is None else max(_MIN_WAIT_S, min(seconds, self.remaining_s))
