"""Usable CPU cores and CPU affinity."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import psutil

CAN_PIN = hasattr(os, "sched_setaffinity")
"""Whether CPU affinity can be set. Linux can; macOS offers no such call and does not report the current core."""
_CGROUP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def own_cores() -> tuple[int, ...]:
    """Return the core numbers that this process may run on.

    A container or `taskset` may allow fewer cores than the machine has.
    """
    return tuple(sorted(os.sched_getaffinity(0))) if CAN_PIN else tuple(range(os.cpu_count() or 1))


def cores_quota() -> float | None:
    """Return the container's CPU quota in cores (`docker run --cpus`, cgroup v2); None without a quota."""
    try:
        line = next(line for line in _CGROUP.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    group = _CGROUPS / line.removeprefix("0::").strip("/")
    limits = [limit for each in (group, *group.parents) if (limit := _quota(each / "cpu.max")) is not None]
    return min(limits, default=None)


def _quota(file: Path) -> float | None:
    try:
        allowed, period = file.read_text().split()
    except (OSError, ValueError):
        return None
    return None if allowed == "max" else int(allowed) / int(period)


def count_cores() -> int:
    """Return how many processes can run in parallel, at least 1."""
    quota = cores_quota()
    cores = len(own_cores())
    return cores if quota is None else max(1, min(cores, int(quota)))


def pin(pid: int, cores: Collection[int], *, instead_of: Collection[int]) -> bool:
    """Pin a process and its descendants to these cores, with all their threads.

    Processes and threads that they start later inherit the cores. Only threads whose affinity is `instead_of` are
    pinned. A thread with another affinity keeps it, because somebody else has set it. Returns False if there was such
    a thread.
    """
    done: set[int] = set()
    is_complete = True
    # A thread that starts during this loop inherits the cores of its parent. Repeat until no new thread is found.
    while new := _threads(pid) - done:
        for thread in new:
            try:
                if os.sched_getaffinity(thread) == set(instead_of):
                    os.sched_setaffinity(thread, cores)
                elif os.sched_getaffinity(thread) != set(cores):
                    is_complete = False
            except ProcessLookupError:
                pass  # the thread has ended
        done |= new
    return is_complete


def _threads(pid: int) -> set[int]:
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return set()
    threads: set[int] = set()
    for process in tree:
        try:
            threads.update(thread.id for thread in process.threads())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # the process has ended, or belongs to another user and must not be pinned
    return threads
