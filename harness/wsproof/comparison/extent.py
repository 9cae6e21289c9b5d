"""The length of a comparison in windows: the number of lives, and the rounds of each."""

from __future__ import annotations

from dataclasses import dataclass

from wsproof.comparison.life import ROUND_S
from wsproof.stats.comparison import FEWEST_PAIRS

FEWEST_ROUNDS = 6
"""Rounds that a life has at least, however slow the machine is: two seconds."""
FIRST_OVERHEAD_S = 8.0
"""Seconds that the first life is assumed to take besides its rounds. The figure stays in the median for later lives."""


@dataclass(frozen=True)
class Extent:
    """The length of a comparison.

    The lives share the budget: what starting and connecting leaves of it is measured. So a slow machine gets shorter
    lives, and not fewer. With `rounds`, all lives have that length. With `until`, the comparison ends once the interval
    of every judged metric is at most that wide to either side (0.02: 2 %). That rule looks at widths alone and never at
    the verdict, so it does not favour any (Y. S. Chow and H. Robbins, On the asymptotic theory of fixed-width
    sequential confidence intervals for the mean, Annals of Mathematical Statistics 36, 1965).
    """

    lives: int = 14
    budget_s: float = 600.0
    until: float | None = None
    rounds: int | None = None

    def has_time(self, begun: int, elapsed_s: float, overhead_s: float) -> bool:
        """Whether another life may begin. The first one always may."""
        if begun >= self.lives:
            return False
        return not begun or elapsed_s + overhead_s + (self.rounds or FEWEST_ROUNDS) * ROUND_S <= self.budget_s

    def rounds_of(self, index: int, elapsed_s: float, overhead_s: float) -> int:
        """The number of rounds of the life with this index: an equal share of the budget that is left."""
        if self.rounds is not None:
            return self.rounds
        share_s = (self.budget_s - elapsed_s) / (self.lives - index)
        return max(FEWEST_ROUNDS, int((share_s - overhead_s) / ROUND_S))


QUICK = Extent(lives=FEWEST_PAIRS, budget_s=120.0)
"""A comparison of at most two minutes, with the fewest lives that can show a regression."""
