"""A core for who is measured and another for who measures, where that can be had."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

HAS_CORES = hasattr(os, "sched_setaffinity")
CORES = sorted(os.sched_getaffinity(0)) if HAS_CORES else [0]


def put_on_core(pid: int, core: int) -> None:
    """Give a process, and what it starts from now on, one core: the first (0), the second (1)."""
    if HAS_CORES and len(CORES) > 1:
        os.sched_setaffinity(pid, {CORES[core]})


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What this process does and starts inside of the block stays on one core."""
    put_on_core(0, core)
    try:
        yield
    finally:
        if HAS_CORES:
            os.sched_setaffinity(0, CORES)
