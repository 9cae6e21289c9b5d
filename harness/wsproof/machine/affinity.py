"""The cores that are ours to use, and which process is kept on which of them."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

import psutil

CAN_KEEP = hasattr(os, "sched_setaffinity")
"""Linux lets a process be kept on some cores; macOS does not even say which it uses."""
_CGROUP = Path("/proc/self/cgroup")
_CGROUPS = Path("/sys/fs/cgroup")


def own_cores() -> tuple[int, ...]:
    """The numbers of the cores that we may run on: a container or `taskset` leaves fewer than the machine has."""
    return tuple(sorted(os.sched_getaffinity(0))) if CAN_KEEP else tuple(range(os.cpu_count() or 1))


def cores_quota() -> float | None:
    """How many cores' worth of time the container has (`docker run --cpus`, cgroup v2); None: no such limit."""
    try:
        line = next(line for line in _CGROUP.read_text().splitlines() if line.startswith("0::"))
    except (OSError, StopIteration):
        return None
    group = _CGROUPS / line.removeprefix("0::").strip("/")
    limits = [limit for one in (group, *group.parents) if (limit := _quota(one / "cpu.max")) is not None]
    return min(limits, default=None)


def _quota(file: Path) -> float | None:
    try:
        allowed, period = file.read_text().split()
    except (OSError, ValueError):
        return None
    return None if allowed == "max" else int(allowed) / int(period)


def count_cores() -> int:
    """How many processes can be at work at the same time, at least 1."""
    quota = cores_quota()
    cores = len(own_cores())
    return cores if quota is None else max(1, min(cores, int(quota)))


def keep_on(pid: int, cores: Collection[int], *, instead_of: Collection[int]) -> bool:
    """Keep a process and all below it on these cores: each of their threads, and what they start from now on.

    A thread that is not on `instead_of` has been put where it is by somebody else, and stays there: False, then.
    """
    done: set[int] = set()
    respected = True
    # A thread that was born while we looked has the cores of its parent: look again, until there is no new one.
    while new := _threads(pid) - done:
        for thread in new:
            try:
                if os.sched_getaffinity(thread) == set(instead_of):
                    os.sched_setaffinity(thread, cores)
                elif os.sched_getaffinity(thread) != set(cores):
                    respected = False
            except ProcessLookupError:
                pass  # it has ended
        done |= new
    return respected


def _threads(pid: int) -> set[int]:
    try:
        root = psutil.Process(pid)
        tree = [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return set()
    found: set[int] = set()
    for process in tree:
        try:
            found.update(thread.id for thread in process.threads())
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue  # gone, or another user's: not ours to keep
    return found
