"""The one clock: `CLOCK_MONOTONIC`, in nanoseconds.

The clock never jumps, and all processes of one machine share it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

now_ns = time.monotonic_ns
"""Nanoseconds since an arbitrary start. Only differences have a meaning."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """A point in time after which a wait gives up."""

    at_ns: int

    @classmethod
    def after(cls, seconds: float) -> Deadline:
        """Return the deadline `seconds` from now."""
        return cls(now_ns() + int(seconds * 1e9))

    @property
    def remaining_s(self) -> float:
        """Remaining seconds; 0.0 after the deadline."""
        return max(0, self.at_ns - now_ns()) / 1e9

    @property
    def passed(self) -> bool:
        """Whether the deadline has passed."""
        return now_ns() >= self.at_ns
