"""Detection of a dead backplane connection: the worker's own heartbeats no longer come back."""

from __future__ import annotations


class Liveness:
    """Heartbeats of one worker. A blocked worker (a busy machine, a stopped process) reads nothing either.

    So elapsed time alone does not prove a dead connection: several heartbeats must have been sent meanwhile, each in an
    event-loop iteration of its own.
    """

    def __init__(self, seconds: float, signs: int = 3) -> None:
        self._seconds = seconds
        self._signs = signs
        self._heard_at = 0.0
        self._unheard = 0

    def heard(self, now: float) -> None:
        """Note that data was received. `now`: seconds of any monotonic clock."""
        self._heard_at = now
        self._unheard = 0

    def sent(self) -> None:
        """Note that a heartbeat was sent."""
        self._unheard += 1

    def is_too_long(self, now: float) -> bool:
        """Return whether the silence has exceeded its limit."""
        return self._unheard > self._signs and now - self._heard_at > self._seconds
