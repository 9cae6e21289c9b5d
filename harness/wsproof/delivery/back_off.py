"""Delays between the attempts of a client to connect again: exponential back-off with jitter."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

FIRST_S = 0.1
"""Seconds before the first attempt, on average."""
LONGEST_S = 2.0
"""Longest delay in seconds, on average: usual clients wait up to 30 s, for which a check has no time."""
JITTER = 0.5
"""Largest relative change of a delay, so that members do not come back in one moment."""


@dataclass
class BackOff:
    """The delays of one client, which double up to LONGEST_S. The same seed gives the same delays."""

    seed: int
    attempts: int = 0
    _random: Random = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._random = Random(self.seed)

    def next_s(self) -> float:
        """Seconds to wait before the next attempt."""
        delay_s: float = min(FIRST_S * 2**self.attempts, LONGEST_S)
        self.attempts += 1
        jitter: float = self._random.uniform(1 - JITTER, 1 + JITTER)
        return delay_s * jitter
