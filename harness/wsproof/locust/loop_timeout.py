"""Time limit that counts only the time in which the event loop ran."""

from __future__ import annotations

from math import ceil

STEP_SECONDS = 0.1
"""Default length of a step in seconds: the most that one wait may count."""


class LoopTimeout:
    """A time limit in steps: wait one step, then call `spend`.

    Other code of the process may freeze the event loop. A wall-clock limit would then end before what has long arrived
    is read, and our own silence would be reported as a fault of the server. A frozen step counts as one step only.
    """

    def __init__(self, limit_s: float, step_s: float = STEP_SECONDS) -> None:
        self.step_s = step_s
        self._left = max(ceil(limit_s / step_s), 1)

    def spend(self) -> bool:
        """Count one step. False if the limit is reached."""
        self._left -= 1
        return self._left > 0
