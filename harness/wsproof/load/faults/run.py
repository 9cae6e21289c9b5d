"""Runs a plan beside faulty clients, and reconnect storms: the parent's side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wsproof.errors import CannotTellError, UsageError
from wsproof.load.faults.job import FaultJob
from wsproof.load.faults.resource_watch import ResourceWatch, reader_of
from wsproof.load.progress import Watcher
from wsproof.load.run import HEAD_START_NS
from wsproof.load.setup import LoadTarget, engines_for
from wsproof.load.worker_config import WorkerConfig, worker_configs
from wsproof.load.workers import WorkerPool
from wsproof.machine.lock import measurement_lock
from wsproof.model.fault_load import FaultLoad
from wsproof.model.fault_record import FaultResources, FaultTally, StormTurn
from wsproof.model.fault_windows import FaultWindows, windows_of
from wsproof.model.measurement import Measurement
from wsproof.model.member_ids import SIZE, MemberIds, draw_share
from wsproof.model.plan import Plan
from wsproof.net.clock import Deadline, now_ns
from wsproof.workloads import Workload

PROCESS = "wsproof.load.faults.process"
STARTS_S = 60.0
"""Seconds that the process of the faulty clients may take to start."""
STORMS = 4
"""Turns of a reconnect storm, with the first connections counted as one more."""


@dataclass(frozen=True)
class BesideFaults:
    """A measurement beside faulty clients. `cpu_share` is the share of a core that their process used."""

    measurement: Measurement
    windows: FaultWindows
    tallies: tuple[FaultTally, ...]
    cpu_share: float
    resources: FaultResources | None


@dataclass(frozen=True)
class StormResult:
    """The turns of a reconnect storm. `cpu_share` is the share of a core that the clients' process used."""

    turns: tuple[StormTurn, ...]
    cpu_share: float
    is_alone: bool


def run_beside_faults(
    plan: Plan, faults: FaultLoad, target: LoadTarget, *, columns: Path, progress: Watcher | None = None
) -> BesideFaults:
    """Follow the plan, with faulty clients in every other window.

    Raises:
        UsageError: the plan cannot be followed here, or its workload has no publications.
        TargetError: nobody could connect.
        PartialRun: Ctrl-C, SIGTERM or the death of a process. It holds what was recorded.
    """
    facts: dict[str, Any] = {}
    healthy = MemberIds(alone=False) if _is_ours(target) else None  # else a share is drawn
    with engines_for(
        [plan], target, columns=[columns], progress=progress, fits=require_latencies, share=healthy
    ) as engines:
        run = engines.runs[0]
        with _fault_process(plan, faults, target, columns / "faults") as pool, ExitStack() as stack:

            def follow() -> None:
                run.connect_and_probe()
                watch = _watch_of(target)
                if watch is not None:
                    stack.callback(watch.stop)
                run.start(now_ns() + HEAD_START_NS)
                windows = windows_of(plan.duration_s, run.start_ns)
                pool.send("windows", **windows.to_json())
                late = Deadline.after(2 * (plan.warmup_s + plan.duration_s) + 30)
                if run.wait_reported("window-over", late, "measure") is None:
                    raise CannotTellError("The load engine's workers did not come to the end of the measured window.")
                facts.update(_answer(pool, "over", 30.0), windows=windows)
                run.drain()
                facts["resources"] = watch.given_back() if watch is not None else None
                run.finish()

            measurement = engines.measure(follow)[0]
    tallies = tuple(FaultTally(**one) for one in facts["tallies"])
    return BesideFaults(measurement, facts["windows"], tallies, facts["cpu_share"], facts["resources"])


def run_storm(plan: Plan, target: LoadTarget, folder: Path, *, spread_s: float, limit_s: float) -> StormResult:
    """Drop all clients at once several times, and let them come back at once and spread over `spread_s`.

    Raises:
        UsageError: the plan cannot be followed here.
        CannotTellError: the process of the clients died, or took too long.
    """
    with measurement_lock() as lock, _fault_process(plan, FaultLoad(), target, folder) as pool:
        pool.send("storm", clients=plan.subscribers, spread_s=spread_s, limit_s=limit_s)
        words = _answer(pool, "over", 30.0 + (STORMS + 1) * (limit_s + 30.0))
        return StormResult(tuple(StormTurn(**one) for one in words["turns"]), words["cpu_share"], lock.alone)


def require_latencies(workload: Workload) -> None:
    """Refuse a workload without publications.

    Raises:
        UsageError: the members only listen.
    """
    if not workload.publishes:
        raise UsageError(
            f"--faults compares how long messages take, and the members of {workload.name} publish none. "
            "Choose another workload."
        )


def _watch_of(target: LoadTarget) -> ResourceWatch | None:
    pid = target.server.pid if target.server is not None else None
    return ResourceWatch(reader_of(pid)) if pid is not None else None


@contextmanager
def _fault_process(plan: Plan, faults: FaultLoad, target: LoadTarget, folder: Path) -> Iterator[WorkerPool]:
    """Start the process of the faulty clients, and end it with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    job = FaultJob(_config(plan, target, folder), faults)
    try:
        with WorkerPool([job], PROCESS) as pool:
            _answer(pool, "ready", STARTS_S)
            yield pool
    finally:
        if not any(folder.iterdir()):
            folder.rmdir()


def _config(plan: Plan, target: LoadTarget, folder: Path) -> WorkerConfig:
    return worker_configs(
        plan,
        channels=target.channels,
        settings=target.settings,
        endpoint=target.endpoint,
        share=MemberIds(SIZE, alone=False) if _is_ours(target) else draw_share(alone=False),
        folder=folder,
    )[0]


def _is_ours(target: LoadTarget) -> bool:
    """Whether the server has no clients but ours. Healthy and faulty clients then have the first two shares."""
    return target.server is not None and target.server.owned


def _answer(pool: WorkerPool, name: str, timeout_s: float) -> Mapping[str, Any]:
    """Wait for this message of the process.

    Raises:
        CannotTellError: it did not come in time, or the process died.
    """
    deadline = Deadline.after(timeout_s)
    while not deadline.passed:
        word = pool.wait_message(min(1.0, deadline.remaining_s))
        if word is not None and word.what == name:
            return word.details
    raise CannotTellError(f"The process of the faulty clients did not say {name!r} within {timeout_s:.0f} s.")
