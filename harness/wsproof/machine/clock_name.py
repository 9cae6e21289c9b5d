"""Name of this machine's monotonic clock: times of two processes can be compared if theirs is the same."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_TIME_NAMESPACE = Path("/proc/self/ns/time")


def clock_name() -> str:
    """The name. On Linux, that of the boot, and of the time namespace, which may shift the clock for a container."""
    try:
        boot = _BOOT_ID.read_text(encoding="ascii").strip()
        return f"{boot} {os.readlink(_TIME_NAMESPACE) if _TIME_NAMESPACE.is_symlink() else ''}"
    except OSError:  # not Linux
        return platform.node()
