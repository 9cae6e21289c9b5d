"""Resource usage of a process tree, measured from outside: memory, file descriptors, CPU time."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil

from wsproof.model.nanoseconds import NS
from wsproof.net.clock import now_ns

__all__ = ["TreeMeter", "Usage"]

_ALWAYS = 0
_GONE = (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError)


@dataclass(frozen=True, slots=True)
class Usage:
    """Resource usage of a process tree at one moment.

    `cpu_ns` counts from the start of the tree and includes processes that have ended. `fds` is None where the system
    does not report it.
    """

    memory_bytes: int
    fds: int | None
    cpu_ns: int


class TreeMeter:
    """Measures the process `pid` and all its descendants.

    Listing a tree reads all processes of the machine; `list_every_ns` is the maximum age of a cached list. Reading a
    listed process takes about 10 microseconds.
    """

    def __init__(self, pid: int, *, list_every_ns: int = _ALWAYS) -> None:
        self._pid = pid
        self._list_every_ns = list_every_ns
        self._listed_ns: int | None = None
        self._processes: dict[int, psutil.Process] = {}
        self._cpu_ns: dict[int, int] = {}

    def usage(self) -> Usage | None:
        """Return memory, file descriptors and CPU time; None when no process of the tree is alive."""
        cpu_ns, memory = self.cpu_ns(), self.memory_bytes()
        if cpu_ns is None or memory is None:
            return None
        return Usage(memory, self.fds(), cpu_ns)

    def cpu_ns(self) -> int | None:
        """Return the CPU time since the start of the tree, in ns; None when no process is alive.

        Processes that have ended are included. Linux counts CPU time in ticks of 10 ms; the scheduler's nanoseconds are
        used where they are available.
        """
        lives = False
        for pid, process in self._listed().items():
            try:
                self._cpu_ns[pid] = max(_cpu_ns(process), self._cpu_ns.get(pid, 0))
            except _GONE:
                continue  # the CPU time of an ended process stays in the sum
            lives = True
        return sum(self._cpu_ns.values()) if lives else None

    def memory_bytes(self) -> int | None:
        """Return the resident memory in bytes.

        For several processes this is the sum of their proportional shares (PSS), so that a shared page counts once.
        """
        processes = self._listed()
        share = len(processes) > 1
        return self._sum(lambda process: _resident_bytes(process, share))

    def resident_bytes(self) -> int | None:
        """Return the sum of the resident bytes of all processes. A shared page counts several times. Fast."""
        return self._sum(lambda process: int(process.memory_info().rss))

    def private_bytes(self) -> int | None:
        """Return the bytes that would be free if the tree ended: a leak makes this number grow.

        Slower than `memory_bytes`, and exact.
        """
        return self._sum(_private_bytes)

    def fds(self) -> int | None:
        """Return the number of open file descriptors.

        None when no process is alive, or when the system does not report it.
        """
        return self._sum(_fds)

    def threads(self) -> int | None:
        """Return the number of threads; None when no process is alive."""
        return self._sum(lambda process: int(process.num_threads()))

    def switches(self) -> int | None:
        """Return the number of context switches of all living threads; None when no process is alive."""
        return self._sum(_switches)

    def queued_ns(self) -> int | None:
        """Return how long the living threads were ready and waited for a processor. None except on Linux.

        Linux adds a wait when it is over. Only `wants_processor` shows a wait that still lasts.
        """
        return self._sum(_queued_ns)

    def wants_processor(self) -> bool | None:
        """Whether a thread now runs, or waits for a processor or a disk. None except on Linux."""
        waiting = self._sum(_ready_threads)
        return None if waiting is None else waiting > 0

    def peak_bytes(self) -> int | None:
        """Return the sum of each process's peak resident memory since `forget_peak`. None except on Linux."""
        return self._sum(_peak_bytes)

    def forget_peak(self) -> None:
        """Reset the peak that `peak_bytes` reports. Raises OSError where that is not permitted."""
        for process in self._listed().values():
            if sys.platform == "linux" and process.is_running():
                Path(f"/proc/{process.pid}/clear_refs").write_text("5")

    def _sum(self, of: Callable[[psutil.Process], int | None]) -> int | None:
        values: list[int] = []
        for process in self._listed().values():
            try:
                value = of(process)
            except _GONE:
                continue
            except psutil.AccessDenied:
                return None  # another user's process
            if value is None:
                return None
            values.append(value)
        return sum(values) if values else None

    def _listed(self) -> dict[int, psutil.Process]:
        at_ns = now_ns()
        if self._listed_ns is None or at_ns - self._listed_ns > self._list_every_ns:
            self._listed_ns = at_ns
            try:
                root = psutil.Process(self._pid)
                tree = [root, *root.children(recursive=True)]
            except _GONE:
                tree = []
            for process in tree:
                self._processes.setdefault(process.pid, process)
        return self._processes


def _cpu_ns(process: psutil.Process) -> int:
    times = process.cpu_times()
    total_ns = int((times.user + times.system) * NS)
    if sys.platform != "linux":
        return total_ns
    # schedstat has living threads only, in ns. cpu_times covers all threads, also ended ones, in ticks.
    return max(total_ns, sum(thread[0] for thread in _scheduled(process)))


def _scheduled(process: psutil.Process) -> list[list[int]]:
    """Return for each living thread: ns on a processor, ns waiting for one, context switches. Linux only.

    Uses file descriptors, because it runs all the time while a server is measured, and a Path costs three times as
    much.
    """
    rows = []
    for thread in os.listdir(f"/proc/{process.pid}/task"):
        try:
            file = os.open(f"/proc/{process.pid}/task/{thread}/schedstat", os.O_RDONLY)
        except OSError:
            continue  # the thread has just ended, or the kernel does not count
        try:
            rows.append([int(number) for number in os.read(file, 128).split()])
        except ProcessLookupError:
            continue
        finally:
            os.close(file)
    return rows


def _switches(process: psutil.Process) -> int:
    if sys.platform != "linux":
        counts = process.num_ctx_switches()
        return int(counts.voluntary + counts.involuntary)
    return sum(thread[2] for thread in _scheduled(process))


def _queued_ns(process: psutil.Process) -> int | None:
    if sys.platform != "linux":
        return None
    threads = _scheduled(process)
    # a kernel that does not count reports 0 for everything
    counts = any(thread[2] for thread in threads) or not threads
    return sum(thread[1] for thread in threads) if counts else None


def _ready_threads(process: psutil.Process) -> int | None:
    """Return how many threads are in state R (running or ready) or D (waiting for a disk)."""
    if sys.platform != "linux":
        return None
    return sum(_state(file) in {"R", "D"} for file in Path(f"/proc/{process.pid}/task").glob("*/stat"))


def _state(file: Path) -> str:
    """Return the state of a thread: the field after its name. The name is in brackets and may contain anything."""
    try:
        return file.read_text(errors="replace").rpartition(")")[2].split()[0]
    except OSError:
        return ""  # the thread has just ended


def _resident_bytes(process: psutil.Process, share: bool) -> int:
    if share and sys.platform == "linux":
        try:
            return int(process.memory_full_info().pss)
        except psutil.AccessDenied:
            pass  # another user's process: only its RSS is readable
    return int(process.memory_info().rss)


def _private_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().uss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)


def _fds(process: psutil.Process) -> int | None:
    return int(process.num_fds()) if hasattr(process, "num_fds") else None


def _peak_bytes(process: psutil.Process) -> int | None:
    if sys.platform != "linux":
        return None
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    kilobytes = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
    return int(kilobytes) * 1024 if kilobytes is not None else None
