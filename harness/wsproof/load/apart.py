"""Cores of its own for the engine, apart from those of a server that we have started.

Where both share all cores, the system lets one wait for the other now and then: the engine wakes late, and sends and
stamps late. Measured (benchmarks, "Pinning"): with one core for each, loop lag p99 falls to a half at worst.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from wsproof.net.cores import CAN_KEEP, cores_quota, keep_on, own_cores
from wsproof.net.running import RunningServer


@contextmanager
def cores_apart(processes: int, server: RunningServer | None, *, wanted: bool) -> Iterator[tuple[int, ...]]:
    """What this thread starts inside of the block is kept on cores of its own, one per process; which, is yielded.

    They are the last of ours: the first ones often have the system's own work. The server has the others meanwhile.
    Nothing is kept anywhere, and none are yielded, where that is not wanted, not possible (too few cores; not Linux),
    or not ours to decide: a server that we have not started, or that has chosen its own cores, or a container with a
    quota of time, whose cores others use, too.
    """
    pid = server.pid if server is not None and server.owned else None
    cores = own_cores()
    if not wanted or pid is None or not CAN_KEEP or len(cores) <= processes or cores_quota() is not None:
        yield ()
        return
    theirs, ours = cores[:-processes], cores[-processes:]
    try:
        if not keep_on(pid, theirs, instead_of=cores):
            yield ()
            return
        os.sched_setaffinity(0, ours)
        yield ours
    finally:
        os.sched_setaffinity(0, cores)
        keep_on(pid, cores, instead_of=theirs)
