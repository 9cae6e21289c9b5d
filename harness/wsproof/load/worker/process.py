"""A worker process of the load engine. It exchanges JSON lines with its parent.

The configuration and the commands arrive on standard input, and the answers go to standard output. The process ends
when its standard input closes, so a parent that was killed leaves no process behind. The worker writes its records to
files (`files.columns`). Only milestones go through the pipe.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from typing import Any

import numpy as np

from wsproof.errors import WorkloadError
from wsproof.load.parent_pipe import CommandPipe, send_to_parent
from wsproof.load.worker.closed_loop import ClosedLoop
from wsproof.load.worker.connector import Connector
from wsproof.load.worker.http_publisher import HttpSender
from wsproof.load.worker.loop_lag import LagProbe
from wsproof.load.worker.outside_sender import CallSender
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

    def __init__(self, config: WorkerConfig, loop: asyncio.AbstractEventLoop, loop_name: str) -> None:
        self.config = config
        self._loop = loop
        self._loop_name = loop_name
        workload = config.workload()
        self.recorder = WorkerRecorder(config.folder, config.index, workload, config.share)
        self.state = WorkerState(self.recorder, self._report_counts, loop=loop)
        self.publisher = self._sender(workload)
        self.state.pacer = self._pacer = Pacer(loop, self.publisher, self.state.set_due)
        self._connector = Connector(
            config.endpoint,
            workload,
            self.state,
            gap_s=config.connect_gap_s,
            deflate=config.plan.deflate,
        )
        self._joining: set[asyncio.Task[None]] = set()
        self._closed: ClosedLoop | None = None
        self._pulse = best_timer(loop, self._on_pulse)
        self._lag = LagProbe(loop, self.recorder)
        self._reported = (-1, -1)
        self._player: RoundPublisher | None = None
        self._finished = asyncio.Event()
        loop.set_exception_handler(report_mistakes)

    def _sender(self, workload: Workload) -> Sender:
        config, sizes = self.config, sizes_of(self.config.plan, self.config.index)
        if workload.publishes_outside and issubclass(workload.publication_type, HttpRequest):
            return HttpSender(self._loop, config.endpoint, workload, self.recorder, sizes, config.share.first)
        if workload.publishes_outside:
            return CallSender(self._loop, workload, self.recorder, sizes, config.share.first)
        return Publisher(workload, self.recorder, sizes, self.state.members, config.share.first)

    async def run(self) -> None:
        """Connect, then follow the parent's commands until `finish` and `part`."""
        await self._loop.connect_read_pipe(lambda: CommandPipe(self, self.recorder.settle), sys.stdin.buffer)
        self._on_pulse()
        self._lag.start()
        send_to_parent("ready", loop=self._loop_name, reader=self._connector.reader, pid=os.getpid())
        members = self.config.joining(0)
        ramp = Deadline.after(self.config.plan.ramp_s)
        await self._connector.connect_all(members, ramp)
        self.recorder.settle()
        faults = self._connector.faults
        send_to_parent("connected", count=self.state.members_open, refused=len(faults), why=faults[0] if faults else "")
        await self._finished.wait()
        await self.state.wait_empty(deadline_s=2.0)

    # Commands.

    def on_probe(self, members: list[int]) -> None:
        """Let these members publish once, so that every member that is in receives something."""
        for member in members:
            if self.config.owns(member):
                self.publisher.publish(member, Phase.PROBE)
        self.recorder.settle()

    def on_start(self, at_ns: int) -> None:
        """Follow the plan's schedule from `at_ns` on, beginning with the warm-up."""
        _stop_collecting_garbage()
        plan = self.config.plan
        start_ns = at_ns + int(plan.warmup_s * NS)
        end_ns = start_ns + int(plan.duration_s * NS)
        for step in range(1, plan.steps):
            joins_ns = start_ns + int(plan.duration_s * NS) * step // plan.steps
            self._loop.call_later(max(0, joins_ns - now_ns()) / NS, self._let_join, step)
        if plan.in_flight is not None:
            self._closed = ClosedLoop(self.publisher, self.recorder, plan.in_flight)
            self._loop.call_later(max(0, at_ns - now_ns()) / NS, self._start_closed, start_ns, end_ns)
        elif self.recorder.workload.publishes:
            full_schedule = schedule(plan)
            is_own = full_schedule.publisher % plan.processes == self.config.index
            times = full_schedule.offset_ns[is_own].astype(np.int64) + at_ns
            self._pacer.start(times, full_schedule.publisher[is_own], full_schedule.phase[is_own])
        self._loop.call_later(max(0, end_ns - now_ns()) / NS, self._on_window_end, end_ns)

    def _let_join(self, step: int) -> None:
        """Connect the members of a later step while the load goes on."""
        members = self.config.joining(step)
        task = self._loop.create_task(self._connector.connect_all(members, Deadline.after(self.config.plan.ramp_s)))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    def _start_closed(self, start_ns: int, end_ns: int) -> None:
        assert self._closed is not None
        publishers = [member for member in range(self.config.plan.publishers) if self.config.owns(member)]
        connections = [self.state.members[member] for member in publishers if member in self.state.members]
        self._closed.start(connections, start_ns, end_ns)

    def on_rounds(self, warmup: int, count: int, deadline_s: float) -> None:
        """Start the rounds: one publication at a time."""
        _stop_collecting_garbage()
        self._rounds = self._loop.create_task(self._play(warmup, count, deadline_s))

    async def _play(self, warmup: int, count: int, deadline_s: float) -> None:
        self._player = RoundPublisher(self.state, self.publisher)
        await self._player.play(warmup, Phase.WARMUP, deadline_s)
        start_ns = now_ns()
        await self._player.play(count, Phase.MEASURED, deadline_s)
        send_to_parent("rounds-over", start_ns=start_ns, end_ns=now_ns())
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
        send_to_parent("done")

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
            send_to_parent("window-over", unsent=unsent)

    async def _end_window_later(self, unsent: int) -> None:
        """Report the end of the window after the last joining task, and after the answers to HTTP requests.

        A connection that opens after the record files are closed could not be recorded.
        """
        if self._joining:
            await asyncio.wait(self._joining)
        await self.publisher.settle()
        self.recorder.settle()
        send_to_parent("window-over", unsent=unsent)

    def _on_pulse(self) -> None:
        self.state.check_clock()
        if self._closed is not None:
            self._closed.give_up_old()
        if self._player is None:  # otherwise the recorder is flushed between rounds
            self.recorder.settle()
        self._report_counts()
        # From now, not from the last due time: a late call must not cause several calls in a row.
        self._pulse.arm(now_ns() + PULSE_NS)

    def _report_counts(self) -> None:
        counts = (self.state.members_in, self.state.members_open)
        if counts != self._reported:
            self._reported = counts
            send_to_parent("in", count=counts[0], open=counts[1])


def _stop_collecting_garbage() -> None:
    """Disable garbage collection during the measurement: a collection would stop all connections of the process."""
    gc.collect()
    gc.freeze()
    gc.disable()


def report_mistakes(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Handle an exception of a callback.

    A mistake in the user's workload is sent to the parent, which reports it.
    """
    fault = context.get("exception")
    if isinstance(fault, WorkloadError):
        send_to_parent("mistake", message=str(fault))
    else:
        loop.default_exception_handler(context)


def main() -> None:
    config = WorkerConfig.decode(sys.stdin.buffer.readline())
    raise_limit(len(config.members))
    factory, name = _loop_factory(config.plan.event_loop)
    on_learned(lambda values: send_to_parent("secrets", values=values))
    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(Worker(config, runner.get_loop(), name).run())
    except WorkloadError as mistake:
        send_to_parent("mistake", message=str(mistake))


def _loop_factory(name: str) -> tuple[Any, str]:
    if name == "auto":
        try:
            import uvloop
        except ImportError:
            pass  # optional by design: the record names the loop
        else:
            return uvloop.new_event_loop, "uvloop"
    return asyncio.new_event_loop, "asyncio"


if __name__ == "__main__":
    main()
