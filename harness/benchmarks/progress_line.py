"""Output lines of the benchmarks, flushed at once."""

from __future__ import annotations

import sys


def say(line: str) -> None:
    """Write one line to stdout and flush it."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
