"""CPU affinity and number of the load generator's worker processes.

If the generator and the server share all cores, the scheduler sometimes makes one wait for the other. The engine then
wakes late, sends late and records late timestamps. Measured (benchmarks, "Pinning"): with dedicated cores for each, the
p99 of the event-loop lag falls to half or less.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from wsproof.machine.affinity import CAN_PIN, cores_quota, count_cores, own_cores, pin
from wsproof.target.server import RunningServer

SUBSCRIBERS_PER_PROCESS = 250
"""Subscribers from which a second worker process helps. A broadcast to 250 keeps one process busy for about 3 ms (12 µs
per receipt), and the last receipt waits for all others. With fewer subscribers per process, the workers would only
split bursts that one process reads together. A run with 100 subscribers has one process on every machine, so its
figures stay comparable."""


def choose_processes(subscribers: int, *, server_cores: int, workloads: int = 1) -> int:
    """Choose the default number of workers: one per SUBSCRIBERS_PER_PROCESS.

    The result is at least one and at most the number of cores that the server leaves. `workloads` is the number of
    engines that share these cores; the result is for one engine.
    """
    left = (count_cores() - server_cores) // workloads
    return max(1, min(left, -(-subscribers // SUBSCRIBERS_PER_PROCESS)))


@contextmanager
def pinned_apart(processes: int, *servers: RunningServer | None, wanted: bool) -> Iterator[tuple[int, ...]]:
    """Pin child processes started in this block to dedicated cores, one per process. Yields the core numbers.

    The workers get the last cores of this process, because the operating system often uses the first ones for its own
    work. The servers run on the other cores meanwhile. Nothing is pinned, and no core is yielded, if pinning is not
    wanted or not possible (too few cores, not Linux). The same holds if the harness does not control the cores: a
    server that it did not start, a server that chose its own cores, or a container with a CPU quota, whose cores other
    containers use too.
    """
    pids = [server.pid for server in servers if server is not None and server.owned]
    known_pids = [pid for pid in pids if pid is not None]
    cores = own_cores()
    if (
        not wanted
        or len(known_pids) < len(servers)
        or not CAN_PIN
        or len(cores) <= processes
        or cores_quota() is not None
    ):
        yield ()
        return
    theirs, ours = cores[:-processes], cores[-processes:]
    try:
        if not all(pin(pid, theirs, instead_of=cores) for pid in known_pids):
            yield ()
            return
        os.sched_setaffinity(0, ours)
        yield ours
    finally:
        os.sched_setaffinity(0, cores)
        for pid in known_pids:
            pin(pid, cores, instead_of=theirs)
