"""The time that a run may take: no wait lasts longer than what is left of it."""

from __future__ import annotations

from wsproof.net.clock import Deadline

__all__ = ["Budget", "BudgetSpent"]


class BudgetSpent(Exception):
    """The budget of a run is over."""


class Budget:
    """Counts from now; None has no end."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._until = Deadline.after(seconds) if seconds is not None else None

    @property
    def spent(self) -> bool:
        """Whether nothing is left."""
        return self._until is not None and self._until.passed

    def check(self) -> None:
        """Go on only while something is left. Raises BudgetSpent."""
        if self.spent:
            raise BudgetSpent

    def at_most(self, seconds: float) -> float:
        """A wait of so many seconds, or what is left if that is less: one that was cut convicts nobody."""
        return seconds if self._until is None else max(0.001, min(seconds, self._until.remaining_s))
