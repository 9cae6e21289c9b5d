"""A worker process of the load engine. It exchanges JSON lines with its parent.

The configuration and the commands arrive on standard input, and the answers go to standard output. The process ends
when its standard input closes, so a parent that was killed leaves no process behind. The worker writes its records to
files (`files.columns`). Only milestones go through the pipe.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
from typing import Any

import numpy as np

from wsproof.errors import WorkloadError
from wsproof.load.worker.call_sender import CallSender
from wsproof.load.worker.closed_loop import ClosedLoop
from wsproof.load.worker.connector import Connector
from wsproof.load.worker.http_publisher import HttpSender
from wsproof.load.worker.loop_lag import LagProbe
from wsproof.load.worker.pacer import Pacer, Publisher, Sender, sizes_of
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.rounds import RoundPublisher
from wsproof.load.worker.state import WorkerState
from wsproof.load.worker.timer import best_timer
from wsproof.load.worker_config import WorkerConfig
from wsproof.machine.fd_limits import raise_limit
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase, schedule
from wsproof.model.secrecy import on_learned
from wsproof.net.clock import Deadline, now_ns
from wsproof.wire import HttpRequest
from wsproof.workloads import Workload

PULSE_NS = 50_000_000
"""Interval, in ns, at which a worker writes its records and reports how many members are in."""
LAST_MOMENT_NS = 1_000_000
"""A message due this close (ns) to the end of the window may be sent just after it. That is counted as slip, not as
backlog."""


class Worker:
    """Follows the parent's commands: connect (at once), probe, start or rounds, finish, part."""

    def __init__(self, job: WorkerConfig, loop: asyncio.AbstractEventLoop, loop_name: str) -> None:
        self.job = job
        self._loop = loop
        self._loop_name = loop_name
        workload = job.workload()
        self.recorder = WorkerRecorder(job.folder, job.index, workload, job.share)
        self.state = WorkerState(self.recorder, self._tell_who_is_here, loop=loop)
        self.publisher = self._sender(workload)
        self.state.pacer = self._pacer = Pacer(loop, self.publisher, self.state.set_due)
        self._connector = Connector(
            job.endpoint,
            workload,
            self.state,
            gap_s=job.connect_gap_s,
            deflate=job.plan.deflate,
        )
        self._joining: set[asyncio.Task[None]] = set()
        self._closed: ClosedLoop | None = None
        self._pulse = best_timer(loop, self._on_pulse)
        self._lag = LagProbe(loop, self.recorder)
        self._told = (-1, -1)
        self._player: RoundPublisher | None = None
        self._finished = asyncio.Event()
        loop.set_exception_handler(tell_mistakes)

    def _sender(self, workload: Workload) -> Sender:
        job, sizes = self.job, sizes_of(self.job.plan, self.job.index)
        if workload.publishes_outside and issubclass(workload.publication_type, HttpRequest):
            return HttpSender(self._loop, job.endpoint, workload, self.recorder, sizes, job.share.first)
        if workload.publishes_outside:
            return CallSender(self._loop, workload, self.recorder, sizes, job.share.first)
        return Publisher(workload, self.recorder, sizes, self.state.members, job.share.first)

    async def run(self) -> None:
        """Connect, then follow the parent's commands until it says finish."""
        await self._loop.connect_read_pipe(lambda: CommandPipe(self), sys.stdin.buffer)
        self._on_pulse()
        self._lag.start()
        tell("ready", loop=self._loop_name, reader=self._connector.reader, pid=os.getpid())
        members = self.job.joining(0)
        ramp = Deadline.after(self.job.plan.ramp_s)
        await self._connector.connect_all(members, ramp)
        self.recorder.settle()
        faults = self._connector.faults
        tell("connected", count=self.state.members_open, refused=len(faults), why=faults[0] if faults else "")
        await self._finished.wait()
        await self.state.wait_empty(deadline_s=2.0)

    # Commands.

    def on_probe(self, members: list[int]) -> None:
        """Let these members publish once, so that every member that is in receives something."""
        for member in members:
            if self.job.owns(member):
                self.publisher.publish(member, Phase.PROBE)
        self.recorder.settle()

    def on_start(self, at_ns: int) -> None:
        """Follow the plan's schedule from this moment on, beginning with the warm-up."""
        _stop_collecting_garbage()
        plan = self.job.plan
        start_ns = at_ns + int(plan.warmup_s * NS)
        end_ns = start_ns + int(plan.duration_s * NS)
        for step in range(1, plan.steps):
            joins_ns = start_ns + int(plan.duration_s * NS) * step // plan.steps
            self._loop.call_later(max(0, joins_ns - now_ns()) / NS, self._let_join, step)
        if plan.in_flight is not None:
            self._closed = ClosedLoop(self.publisher, self.recorder, plan.in_flight)
            self._loop.call_later(max(0, at_ns - now_ns()) / NS, self._start_closed, start_ns, end_ns)
        elif self.recorder.workload.publishes:
            whole = schedule(plan)
            mine = whole.publisher % plan.processes == self.job.index
            times = whole.offset_ns[mine].astype(np.int64) + at_ns
            self._pacer.start(times, whole.publisher[mine], whole.phase[mine])
        self._loop.call_later(max(0, end_ns - now_ns()) / NS, self._on_window_end, end_ns)

    def _let_join(self, step: int) -> None:
        """Connect the members of a later step while the load goes on."""
        members = self.job.joining(step)
        task = self._loop.create_task(self._connector.connect_all(members, Deadline.after(self.job.plan.ramp_s)))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    def _start_closed(self, start_ns: int, end_ns: int) -> None:
        assert self._closed is not None
        mine = [member for member in range(self.job.plan.publishers) if self.job.owns(member)]
        here = [self.state.members[member] for member in mine if member in self.state.members]
        self._closed.start(here, start_ns, end_ns)

    def on_rounds(self, warmup: int, count: int, deadline_s: float) -> None:
        """Start the rounds: one publication at a time."""
        _stop_collecting_garbage()
        self._rounds = self._loop.create_task(self._play(warmup, count, deadline_s))

    async def _play(self, warmup: int, count: int, deadline_s: float) -> None:
        self._player = RoundPublisher(self.state, self.publisher)
        await self._player.play(warmup, Phase.WARMUP, deadline_s)
        start_ns = now_ns()
        await self._player.play(count, Phase.MEASURED, deadline_s)
        tell("rounds-over", start_ns=start_ns, end_ns=now_ns())
        self._player = None

    def on_finish(self) -> None:
        """Write all records and report it.

        No member disconnects before all workers are done, because its leave notice would reach the other members.
        """
        gc.enable()
        self._pacer.close()
        if self._closed is not None:
            self._closed.close()
        self.publisher.close()
        self.state.timers.close()
        self._pulse.close()
        self._lag.close()
        self.recorder.close()
        tell("done")

    def on_part(self) -> None:
        """Close all connections and end the process."""
        for connection in self.state.members.values():
            connection.part()
        self._finished.set()

    def _on_window_end(self, end_ns: int) -> None:
        early_ns = end_ns - now_ns()
        if early_ns > 0:  # uvloop's own timers have a resolution of 1 ms and may fire early
            self._loop.call_later(early_ns / NS, self._on_window_end, end_ns)
            return
        unsent = self._pacer.unsent(end_ns - LAST_MOMENT_NS)
        # These publications are late and counted as unsent. Send them now nevertheless: otherwise the drain would end
        # without them, and their subscribers would be reported to have lost them.
        self._pacer.fire()
        self.recorder.settle()
        unsent += self.publisher.unsent()
        if self._joining or not self.publisher.is_settled:
            self._over = self._loop.create_task(self._end_window_later(unsent))
        else:
            tell("window-over", unsent=unsent)

    async def _end_window_later(self, unsent: int) -> None:
        """Report the end of the window after the last joining task, and after the answers to HTTP requests.

        A connection that opens after the record files are closed could not be recorded.
        """
        if self._joining:
            await asyncio.wait(self._joining)
        await self.publisher.settle()
        self.recorder.settle()
        tell("window-over", unsent=unsent)

    def _on_pulse(self) -> None:
        self.state.check_clock()
        if self._closed is not None:
            self._closed.look()
        if self._player is None:  # otherwise the recorder is flushed between rounds
            self.recorder.settle()
        self._tell_who_is_here()
        # From now, not from the last time: several calls in a row must not follow a late one.
        self._pulse.arm(now_ns() + PULSE_NS)

    def _tell_who_is_here(self) -> None:
        now_here = (self.state.members_in, self.state.members_open)
        if now_here != self._told:
            self._told = now_here
            tell("in", count=now_here[0], open=now_here[1])


class CommandPipe(asyncio.Protocol):
    """Reads the parent's commands. The process exits when the pipe closes."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            command: dict[str, Any] = json.loads(line)
            getattr(self._worker, f"on_{command.pop('do')}")(**command)

    def eof_received(self) -> None:
        self._worker.recorder.settle()
        os._exit(0)


def _stop_collecting_garbage() -> None:
    """Disable garbage collection during the measurement: a collection would stop all connections of the process."""
    gc.collect()
    gc.freeze()
    gc.disable()


def tell(what: str, **details: Any) -> None:
    """Send a message to the parent."""
    os.write(sys.stdout.fileno(), json.dumps({"is": what, **details}).encode() + b"\n")


def tell_mistakes(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle an exception of a callback.

    A mistake in the user's workload is sent to the parent, which reports it.
    """
    fault = context.get("exception")
    if isinstance(fault, WorkloadError):
        tell("mistake", message=str(fault))
    else:
        loop.default_exception_handler(context)


def main() -> None:
    job = WorkerConfig.decode(sys.stdin.buffer.readline())
    raise_limit(len(job.members))
    factory, name = _loop_factory(job.plan.event_loop)
    on_learned(lambda values: tell("secrets", values=values))
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(Worker(job, runner.get_loop(), name).run())
    except WorkloadError as mistake:
        tell("mistake", message=str(mistake))


def _loop_factory(wanted: str) -> tuple[Any, str]:
    if wanted == "auto":
        try:
            import uvloop
        except ImportError:
            pass  # optional by design: the record names the loop
        else:
            return uvloop.new_event_loop, "uvloop"
    return asyncio.new_event_loop, "asyncio"


if __name__ == "__main__":
    main()
