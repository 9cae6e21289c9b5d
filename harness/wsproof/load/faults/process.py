"""The process of the faulty clients. It exchanges JSON lines with its parent, as a worker of the load engine does.

It ends when its standard input closes, so a parent that was killed leaves no process behind.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
import traceback
from collections.abc import Coroutine
from dataclasses import asdict
from typing import Any

from wsproof.errors import WorkloadError
from wsproof.load.faults.fault_clients import FaultClients
from wsproof.load.faults.job import FaultJob
from wsproof.load.faults.storm import Storm
from wsproof.load.parent_pipe import CommandPipe, send_to_parent
from wsproof.machine.fd_limits import most_connections, raise_limit
from wsproof.model.fault_windows import FaultWindows
from wsproof.model.secrecy import on_learned

SPARE_FDS = 2_000
"""File descriptors for faulty clients, beside those of a storm."""
NICENESS = 5
"""The faulty clients give way to the load engine, with which they may share a core."""


class FaultProcess:
    """Follows the parent's commands: windows or storm, each at most once."""

    def __init__(self, job: FaultJob) -> None:
        self._job = job
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Follow commands until standard input closes."""
        loop = asyncio.get_running_loop()
        await loop.connect_read_pipe(lambda: CommandPipe(self), sys.stdin.buffer)
        send_to_parent("ready")
        await asyncio.Event().wait()

    def on_windows(self, **windows: Any) -> None:
        """Let faulty clients come and go in these windows."""
        self._begin(self._windows(FaultWindows.from_json(windows)))

    async def _windows(self, windows: FaultWindows) -> None:
        clients = FaultClients(self._job)
        began, began_cpu = time.monotonic(), time.process_time()
        await clients.follow(windows)
        share = (time.process_time() - began_cpu) / max(time.monotonic() - began, 1e-9)
        send_to_parent("over", tallies=[asdict(one) for one in clients.tallies()], cpu_share=share)

    def on_storm(self, clients: int, spread_s: float, limit_s: float) -> None:
        """Drop all clients at once several times, and let them come back."""
        self._begin(self._storm(Storm(self._job, clients, spread_s, limit_s)))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = asyncio.get_running_loop().create_task(work)
        self._task.add_done_callback(end_on_failure)

    async def _storm(self, storm: Storm) -> None:
        began, began_cpu = time.monotonic(), time.process_time()
        turns = await storm.run()
        share = (time.process_time() - began_cpu) / max(time.monotonic() - began, 1e-9)
        send_to_parent("over", turns=[asdict(one) for one in turns], cpu_share=share)


def end_on_failure(task: asyncio.Task[None]) -> None:
    """Send a mistake in the user's workload to the parent.

    Any other exception ends the process, and its log has the traceback.
    """
    fault = None if task.cancelled() else task.exception()
    if isinstance(fault, WorkloadError):
        send_to_parent("mistake", message=str(fault))
    elif fault is not None:
        traceback.print_exception(fault)
        os._exit(1)


def main() -> None:
    job = FaultJob.decode(sys.stdin.buffer.readline())
    raise_limit(min(job.worker.plan.subscribers + SPARE_FDS, most_connections()))
    os.nice(NICENESS)
    on_learned(lambda values: send_to_parent("secrets", values=values))
    asyncio.run(FaultProcess(job).run())


if __name__ == "__main__":
    main()
