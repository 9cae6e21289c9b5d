"""The one clock: `CLOCK_MONOTONIC`, in nanoseconds. It never jumps, and all processes of one machine share it."""

from __future__ import annotations

import time
from dataclasses import dataclass

now_ns = time.monotonic_ns
"""Nanoseconds since an arbitrary start. Only differences mean anything."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment after which we stop waiting."""

    at_ns: int

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """The moment `seconds` from now."""
        return cls(now_ns() + int(seconds * 1e9))

    @property
    def remaining_s(self) -> float:
        """Seconds that are left; 0.0 once it has passed."""
        return max(0, self.at_ns - now_ns()) / 1e9

    @property
    def passed(self) -> bool:
        """Whether the moment is over."""
        return now_ns() >= self.at_ns
