"""CPU affinity: one core for the process under test and another for the measuring one, if the machine has two."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

HAS_CORES = hasattr(os, "sched_setaffinity")
CORES = sorted(os.sched_getaffinity(0)) if HAS_CORES else [0]


def put_on_core(pid: int, core: int) -> None:
    """Pin a process, and the children it starts later, to the first (0) or second (1) core."""
    if HAS_CORES and len(CORES) > 1:
        os.sched_setaffinity(pid, {CORES[core]})


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Pin this process, and the children it starts in this block, to one core."""
    put_on_core(0, core)
    try:
        yield
    finally:
        if HAS_CORES:
            os.sched_setaffinity(0, CORES)
