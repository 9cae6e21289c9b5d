"""Setup and teardown that every run of the engine needs, however the run ends."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from wsproof.errors import CannotTellError, ExitCode, InterruptedRun, TerminatedRun, WsproofError
from wsproof.load.cores import pinned_apart
from wsproof.load.limits import require_possible
from wsproof.load.progress import Watcher, ignore
from wsproof.load.run import EngineRun
from wsproof.load.source_addresses import require_ports
from wsproof.load.worker_config import WorkerConfig, worker_configs
from wsproof.load.workers import WorkerPool
from wsproof.machine.lock import MeasurementLock, measurement_lock
from wsproof.model.measurement import Measurement
from wsproof.model.member_ids import MemberIds, draw_share
from wsproof.model.plan import Plan
from wsproof.net.endpoint import Endpoint
from wsproof.target.server import RunningServer
from wsproof.workloads import Workload

STOPS = (KeyboardInterrupt, InterruptedRun, TerminatedRun, CannotTellError)
"""Exceptions that end a run early and still leave a measurement."""


class PartialRun(WsproofError):
    """The run stopped early; `measurements` hold what was recorded until then, one per workload.

    `cause` is the exception that stopped the run. It determines the exit code: 130 for Ctrl-C, 143 for SIGTERM.
    """

    def __init__(self, measurements: Sequence[Measurement], cause: BaseException) -> None:
        super().__init__(f"The run stopped early: {_cause_sentence(cause)} The records up to then are kept.")
        self.measurements = tuple(measurements)
        self.cause = cause
        self.exit_code = _exit_code(cause)

    @property
    def measurement(self) -> Measurement:
        """The measurement of a run with one workload."""
        return self.measurements[0]


@dataclass(frozen=True)
class LoadTarget:
    """Target of the load: an endpoint, its channels with their settings, and the server if it is known."""

    channels: str
    settings: Mapping[str, str]
    endpoint: Endpoint
    server: RunningServer | None = None


@dataclass(frozen=True)
class Engines:
    """One engine per plan, each with running workers."""

    runs: tuple[EngineRun, ...]
    lock: MeasurementLock

    def measure(self, follow: Callable[[], None]) -> list[Measurement]:
        """Call `follow`, which takes the runs through their phases, and collect a measurement of each.

        Raises:
            PartialRun: Ctrl-C, SIGTERM or the death of a worker. It holds what was recorded.
        """
        try:
            follow()
        except STOPS as cause:
            for run in self.runs:
                run.pool.stop()
            raise PartialRun(self._collect(), cause) from cause
        return self._collect()

    def _collect(self) -> list[Measurement]:
        return [run.collect(self.lock.alone) for run in self.runs]


@contextmanager
def engines_for(
    plans: Sequence[Plan],
    target: LoadTarget,
    *,
    columns: Sequence[Path] = (),
    progress: Watcher | None = None,
    fits: Callable[[Workload], None] = lambda workload: None,
    share: MemberIds | None = None,
) -> Iterator[Engines]:
    """Check the limits, take the lock, pin the cores and start the workers of each plan.

    `columns` are the directories for the records, one per plan (temporary ones by default). `fits` raises UsageError
    for a workload that the plan cannot use. It is called before anything starts. `share`: see `configs_for`.

    Raises:
        UsageError: a plan cannot be followed here (its numbers, ports, file descriptors, unknown channels).
    """
    _require_limits(plans, target.endpoint)
    with ExitStack() as stack:
        folders = columns or [_temporary_folder(stack) for _ in plans]
        configs = configs_for(plans, target, folders, share)
        for own in configs:
            fits(own[0].workload())
        lock = stack.enter_context(measurement_lock())
        processes = sum(plan.processes for plan in plans)
        is_wanted = all(plan.pin for plan in plans)
        cores = stack.enter_context(pinned_apart(processes, target.server, wanted=is_wanted))
        yield _started(stack, configs, [target.server] * len(plans), lock, cores, progress)


@contextmanager
def engines_beside(
    plans: Sequence[Plan], targets: Sequence[LoadTarget], *, progress: Watcher | None = None
) -> Iterator[Engines]:
    """Like `engines_for`, with one server per plan. The engines share their cores, because only one works at a time.

    Raises:
        UsageError: a plan cannot be followed here (its numbers, ports, file descriptors, unknown channels).
    """
    for plan, target in zip(plans, targets, strict=True):
        _require_limits([plan], target.endpoint)
    with ExitStack() as stack:
        configs = [
            _configs(plan, target, _temporary_folder(stack), MemberIds())
            for plan, target in zip(plans, targets, strict=True)
        ]
        lock = stack.enter_context(measurement_lock())
        processes, is_wanted = max(plan.processes for plan in plans), all(plan.pin for plan in plans)
        servers = [target.server for target in targets]
        cores = stack.enter_context(pinned_apart(processes, *servers, wanted=is_wanted))
        yield _started(stack, configs, servers, lock, cores, progress)


def _started(
    stack: ExitStack,
    configs: Sequence[list[WorkerConfig]],
    servers: Sequence[RunningServer | None],
    lock: MeasurementLock,
    cores: tuple[int, ...],
    progress: Watcher | None,
) -> Engines:
    """Start the workers of each plan. They end with the stack."""
    pools = [stack.enter_context(WorkerPool(own)) for own in configs]
    watch = progress or ignore
    runs = [
        EngineRun(own, pool, server, watch, cores) for own, pool, server in zip(configs, pools, servers, strict=True)
    ]
    return Engines(tuple(runs), lock)


def _require_limits(plans: Sequence[Plan], endpoint: Endpoint) -> None:
    for plan in plans:
        require_possible(plan)
    subscribers = sum(plan.subscribers for plan in plans)
    require_possible(replace(plans[0], subscribers=subscribers))
    require_ports(subscribers, endpoint)


def _temporary_folder(stack: ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wsproof-")))


def configs_for(
    plans: Sequence[Plan], target: LoadTarget, folders: Sequence[Path], share: MemberIds | None = None
) -> list[list[WorkerConfig]]:
    """The configurations of the workers of each plan.

    Several plans may meet in one channel of the server, so each numbers its members from a range of its own, or from
    `share` if it is given.
    """
    alone = len(plans) == 1 and (target.server is None or target.server.owned)
    return [
        _configs(plan, target, folder, share or draw_share(alone=alone))
        for plan, folder in zip(plans, folders, strict=True)
    ]


def _configs(plan: Plan, target: LoadTarget, folder: Path, share: MemberIds) -> list[WorkerConfig]:
    folder.mkdir(parents=True, exist_ok=True)
    return worker_configs(
        plan,
        channels=target.channels,
        settings=target.settings,
        endpoint=target.endpoint,
        share=share,
        folder=folder,
    )


def _cause_sentence(cause: BaseException) -> str:
    if isinstance(cause, KeyboardInterrupt | InterruptedRun):
        return "interrupted."
    if isinstance(cause, TerminatedRun):
        return "terminated."
    return str(cause) or type(cause).__name__


def _exit_code(cause: BaseException) -> ExitCode:
    if isinstance(cause, KeyboardInterrupt):
        return ExitCode.INTERRUPTED
    return cause.exit_code if isinstance(cause, WsproofError | TerminatedRun) else ExitCode.CANNOT_TELL
