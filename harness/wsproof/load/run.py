"""One run of the load engine: the controller in the parent process. The workers hold the connections.

The phases are connect, probe (until every member has received something), warm-up, measured window, drain (until no
expected receipt is missing) and collect.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from wsproof.errors import CannotTellError, TargetError
from wsproof.load.drain import OutstandingReceipts
from wsproof.load.files.columns import worker_files
from wsproof.load.files.history import load_receipts, save_history
from wsproof.load.files.merge import merge
from wsproof.load.files.worker_files import Records
from wsproof.load.meter import generator_usage, meter_of
from wsproof.load.progress import Progress, Watcher
from wsproof.load.worker_config import WorkerConfig
from wsproof.load.workers import WorkerMessage, WorkerPool
from wsproof.model.contract import Audience, Contract
from wsproof.model.history import History
from wsproof.model.measurement import Measurement
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase, Plan
from wsproof.net.clock import Deadline, now_ns
from wsproof.target.server import RunningServer
from wsproof.wire.refusal import advice_on_refusal

RAMP_SAMPLE_S = 0.05
"""Interval, in seconds, between samples of the server while connections are opened."""
SAMPLE_S = 0.22
"""Interval, in seconds, between samples of the server in the other phases."""
PROBE_S = 0.25
"""Time, in seconds, that a probe gets before the next probe is sent."""
HUNG_UP = "the server accepted all connections, and ended them at once"
HEAD_START_NS = 100_000_000
"""Time, in ns, from the command to the start of the schedule. Each worker computes its part of the schedule
meanwhile."""


class EngineRun:
    """Controls one run through its phases."""

    def __init__(
        self,
        configs: Sequence[WorkerConfig],
        pool: WorkerPool,
        server: RunningServer | None,
        watch: Watcher,
        cores: tuple[int, ...] = (),
    ) -> None:
        self.pool = pool
        self._cores = cores
        self._configs = configs
        self.plan = configs[0].plan
        self._folder = configs[0].folder
        self._workload = configs[0].workload()
        self._rooms = [self._workload.room_of(member) for member in range(self.plan.subscribers)]
        self._records = Records(self._folder, len(configs))
        self._meter = meter_of(server)
        self._secrets = server.target.secrets if server is not None else ()
        self._watch = watch
        self._next_sample = Deadline.after(0)
        self._open = [0] * len(configs)
        self._in = [0] * len(configs)
        self._reported: dict[str, dict[int, WorkerMessage]] = {}
        self._loop = "asyncio"
        self._reader: str | None = None
        self.start_ns = self.end_ns = self.drained_ns = 0

    def follow_plan(self) -> None:
        """Run all phases up to the drain, then let the workers finish."""
        self.connect_and_probe()
        self._measure()
        if self.plan.steps > 1:
            # Late joiners may have subscribed after the last publication. Probe again so that they are not reported as
            # deaf.
            self._probe(Deadline.after(self.plan.ramp_s))
        self.drain()
        self.finish()

    def connect_and_probe(self) -> None:
        """Connect all members, then probe until all of them have a receipt or the ramp is over."""
        ramp = Deadline.after(self.plan.ramp_s)
        self._connect(ramp)
        self._probe(ramp)

    def _connect(self, ramp: Deadline) -> None:
        total = sum(self.plan.step_of(member) == 0 for member in range(self.plan.subscribers))

        def show() -> None:
            self._show("connect", sum(self._open) / total, f"{sum(self._open)} of {total} connected")

        # The workers give up at the end of the ramp. The additional time is for their report.
        late = Deadline.after(ramp.remaining_s + 30)
        if not self._wait(lambda: self._all_reported("connected"), late, show, RAMP_SAMPLE_S):
            raise CannotTellError("The load engine's workers did not report the end of connecting.")
        if not sum(self._open):
            reason = next(
                (reason for message in self._reported["connected"].values() if (reason := message.details["why"])),
                HUNG_UP,
            )
            url = self._configs[0].endpoint.url
            raise TargetError(f"nobody could connect to {url}: {reason}. {_advice(reason)}")
        self.sample()

    def _probe(self, ramp: Deadline) -> None:
        audience = members_to_hear(self._workload.contract, self.plan, self._rooms)

        def expected() -> int:
            return min(sum(self._open), audience)

        def everybody() -> bool:
            return sum(self._in) >= expected()

        def show() -> None:
            note = f"{sum(self._in)} of {expected()} have received something"
            self._show("probe", sum(self._in) / max(expected(), 1), note)

        number = 0
        while not everybody() and not ramp.passed:
            if self._workload.publishes:
                self.pool.send("probe", members=probers(self._workload.contract, self.plan, number, self._rooms))
            number += 1
            self._wait(everybody, Deadline.after(min(PROBE_S, ramp.remaining_s)), show)

    def start(self, at_ns: int) -> None:
        """Tell the workers to follow the schedule from `at_ns` on, beginning with the warm-up."""
        self.start_ns = at_ns + int(self.plan.warmup_s * NS)
        self.end_ns = self.start_ns + int(self.plan.duration_s * NS)
        self.pool.send("start", at_ns=at_ns)

    def _measure(self) -> None:
        self.start(now_ns() + HEAD_START_NS)

        def show() -> None:
            in_window_s = (now_ns() - self.start_ns) / NS
            if in_window_s < 0:
                self._show("warm-up", 1 + in_window_s / max(self.plan.warmup_s, 0.001))
            else:
                self._show("measure", in_window_s / max(self.plan.duration_s, 0.001))

        whole_s = (self.end_ns - now_ns()) / NS
        # An engine that lags behind its own timers is late, not dead. It gets the same time again, and the record shows
        # the lag.
        if not self._wait(lambda: self._all_reported("window-over"), Deadline.after(2 * whole_s + 30), show):
            raise CannotTellError("The load engine's workers did not come to the end of the measured window.")

    def drain(self) -> None:
        """Wait until no expected receipt is missing, at most `plan.drain_s`."""
        if self._workload.publishes:
            outstanding = OutstandingReceipts(
                self._records, self._workload.contract, self.plan.subscribers, self._rooms
            )
            deadline = Deadline.after(self.plan.drain_s)
            at_first = max(outstanding.update(), 1)
            while (missing := outstanding.update()) and not deadline.passed:
                self._show("drain", 1 - missing / at_first, f"{missing} receipts are missing")
                self._wait(lambda: False, Deadline.after(0.05), lambda: None)
        self.drained_ns = now_ns()

    def finish(self) -> None:
        """Let the workers write the rest of their records, close their connections and exit."""
        self._show("collect", 0.0)
        self.sample()
        self.pool.is_stopping = True
        self.pool.send("finish")
        self._wait(lambda: self._all_reported("done"), Deadline.after(30), lambda: None)
        self.pool.send("part")
        self._wait(lambda: self._all_reported("gone"), Deadline.after(5), lambda: None)
        self.pool.stop()

    def collect(self, alone: bool) -> Measurement:
        """Build the measurement of everything that the workers have written so far."""
        now = now_ns()
        history = merge(
            self._records,
            self._workload,
            self.plan.subscribers,
            alone=self._configs[0].share.alone,
            first=self._configs[0].share.first,
            start_ns=min(self.start_ns or now, now),
            end_ns=min(self.end_ns or now, now),
            drained_ns=self.drained_ns or now,
        )
        generator = generator_usage(
            self._records,
            history.start_ns,
            history.end_ns,
            unsent=sum(message.details["unsent"] for message in self._reported.get("window-over", {}).values()),
            loop=self._loop,
            reader=self._reader,
            alone=alone,
            cores=self._cores,
        )
        if self.plan.in_flight is not None:
            self.plan = replace(self.plan, rate_hz=_rate_hz(history))
        save_history(history, self._folder, self._secrets)
        history = replace(history, receipts=load_receipts(self._folder))
        self._records.columns.remove()
        for path in worker_files(self._folder, range(len(self._configs))):
            path.unlink(missing_ok=True)
        self._show("collect", 1.0)
        usage = self._meter.usage() if self._meter is not None else None
        return Measurement(self.plan, self._workload.contract, history, generator, usage)

    # Messages from the workers.

    def wait_reported(self, name: str, deadline: Deadline, phase: str) -> WorkerMessage | None:
        """Wait until all workers have sent this message.

        Returns the message of the first worker, or None after the deadline. The progress display shows `phase`.
        """
        self._show(phase, 0.0)
        if not self._wait(lambda: self._all_reported(name), deadline, lambda: None):
            return None
        return self._reported[name][0]

    def _wait(
        self,
        condition: Callable[[], bool],
        deadline: Deadline,
        show: Callable[[], None],
        sample_s: float = SAMPLE_S,
    ) -> bool:
        """Read the workers' messages until the condition holds. Meters the server and shows progress meanwhile."""
        while not condition():
            if deadline.passed:
                return False
            if self._next_sample.passed:
                self.sample(sparing=True)
                self._next_sample = Deadline.after(sample_s)
                show()
            message = self.pool.wait_message(min(deadline.remaining_s, self._next_sample.remaining_s))
            if message is not None:
                self._handle(message)
        return True

    def _handle(self, message: WorkerMessage) -> None:
        match message.what:
            case "ready":
                self._loop, self._reader = message.details["loop"], message.details["reader"]
            case "in":
                self._in[message.worker] = message.details["count"]
                self._open[message.worker] = message.details["open"]
            case "connected":
                self._open[message.worker] = message.details["count"]
        self._reported.setdefault(message.what, {})[message.worker] = message

    def _all_reported(self, name: str) -> bool:
        return len(self._reported.get(name, {})) == len(self._configs)

    def sample(self, *, sparing: bool = False) -> None:
        """Sample the usage of the server."""
        if self._meter is not None:
            self._meter.sample(sum(self._open), sparing=sparing)

    def _show(self, phase: str, done: float, note: str = "") -> None:
        self._watch(Progress(phase, min(max(done, 0.0), 1.0), note))


def _advice(reason: str) -> str:
    if "HTTP/" in reason:
        return advice_on_refusal(reason)
    return "Is the server running there?" if "connect" in reason else "See join() and prepare() of the workload."


def _rate_hz(history: History) -> float:
    """Publications per second of the measured window."""
    seconds = (history.end_ns - history.start_ns) / NS
    measured = int(np.count_nonzero(history.publications.phase == Phase.MEASURED))
    return measured / seconds if seconds > 0 else 0.0


def probers(contract: Contract, plan: Plan, number: int, rooms: Sequence[int] = ()) -> list[int]:
    """Choose the members that publish in probe number `number`.

    After all probes, every member that can receive has received something. If there are several rooms, one of the first
    two members of each room publishes, even if it is no publisher of the plan.
    """
    if contract.audience in (Audience.PUBLISHER, Audience.NOBODY):
        return list(range(plan.publishers))  # only the publisher itself can receive something
    if len(set(rooms)) > 1:
        groups = [[member for member, its_room in enumerate(rooms) if its_room == room] for room in sorted(set(rooms))]
        return [members[number % min(2, len(members))] for members in groups]
    return [number % plan.publishers]


def members_to_hear(contract: Contract, plan: Plan, rooms: Sequence[int] = ()) -> int:
    """The number of members that the probe can reach."""
    if contract.feed is not None:
        return plan.subscribers
    match contract.audience:
        case Audience.EVERYONE:
            return plan.subscribers
        case Audience.OTHERS if len(set(rooms)) > 1:
            return sum(size for size in Counter(rooms).values() if size > 1)
        case Audience.OTHERS:
            return plan.subscribers - (plan.publishers == 1)
        case Audience.PUBLISHER:
            return plan.publishers
        case Audience.NOBODY:
            return plan.publishers if contract.replies else 0
