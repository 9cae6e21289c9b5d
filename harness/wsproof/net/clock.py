"""The clock of all times: `CLOCK_MONOTONIC`, in nanoseconds, and its name.

The clock never jumps, and all processes of one machine share it.
"""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

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


_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_NAMESPACE = Path("/proc/self/ns/time")


def clock_name() -> str:
    """Return the name of the clock: times of two processes are comparable if theirs is the same.

    On Linux it names the boot and the time namespace, which may shift the clock for a container.
    """
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink(_TIME_NAMESPACE) if _TIME_NAMESPACE.is_symlink() else ''}"
    except OSError:  # not Linux
        return platform.node()
