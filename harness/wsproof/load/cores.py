"""Cores and processes of the load generator, apart from those of a server that we started.

Where both share all cores, the system sometimes lets one wait for the other: the engine wakes late, sends late and
stamps late. Measured (benchmarks, "Pinning"): with one core for each, loop lag p99 falls to a half at worst.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from wsproof.machine.affinity import CAN_KEEP, cores_quota, count_cores, keep_on, own_cores
from wsproof.target.server import RunningServer

SUBSCRIBERS_PER_PROCESS = 250
"""Above this number a second process is of use. A broadcast to 250 keeps one process busy for about 3 ms (12 µs a
receipt), and the last receipt waits for all others. Fewer per process would only split bursts that are read together.
A run with 100 subscribers has one process on any machine, so its figures stay comparable."""


def choose_processes(subscribers: int, *, server_cores: int, workloads: int = 1) -> int:
    """Number of worker processes where the user names none: one per SUBSCRIBERS_PER_PROCESS.

    Never more than the cores that the server leaves, and at least one. `workloads`: so many engines share these cores,
    and the number is for one of them.
    """
    left = (count_cores() - server_cores) // workloads
    return max(1, min(left, -(-subscribers // SUBSCRIBERS_PER_PROCESS)))


@contextmanager
def pinned_apart(processes: int, server: RunningServer | None, *, wanted: bool) -> Iterator[tuple[int, ...]]:
    """Pin child processes started in this block to dedicated cores, one per process. Yields the core numbers.

    They are the last cores of this process: the first ones often run the system's own work. The server runs on the
    others meanwhile. Nothing is pinned, and no core is yielded, where that is not wanted, not possible (too few cores,
    not Linux) or not ours to decide: a server that we did not start, one that chose its own cores, or a container with
    a CPU quota, whose cores other containers use too.
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
