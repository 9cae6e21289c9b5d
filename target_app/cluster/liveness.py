"""Whether a line is dead, though nobody has said so: one's own signs of life no longer come back."""

from __future__ import annotations


class Liveness:
    """A worker that is held up (a busy machine, a stopped process) hears nothing either, though all of it has come.

    So seconds alone do not show that a line is dead: several signs of life must have been sent meanwhile, each in an
    event-loop iteration of its own.
    """

    def __init__(self, seconds: float, signs: int = 3) -> None:
        self._seconds = seconds
        self._signs = signs
        self._heard_at = 0.0
        self._unheard = 0

    def heard(self, now: float) -> None:
        """Something came; `now` in seconds, of any clock that only goes forward."""
        self._heard_at = now
        self._unheard = 0

    def sent(self) -> None:
        """A sign of life was sent, and should be heard."""
        self._unheard += 1

    def is_too_long(self, now: float) -> bool:
        """Whether it has lasted too long."""
        return self._unheard > self._signs and now - self._heard_at > self._seconds
