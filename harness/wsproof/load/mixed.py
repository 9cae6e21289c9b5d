"""Several workloads on one server at the same time: an engine for each, side by side, and one window for all."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from wsproof.errors import CannotTellError, InterruptedRun, TerminatedRun, WsproofError
from wsproof.load.apart import cores_apart
from wsproof.load.crew import Crew
from wsproof.load.engine import HEAD_START_NS, Run
from wsproof.load.jobs import jobs_of
from wsproof.load.limits import require_possible
from wsproof.load.progress import Watcher, ignore
from wsproof.load.sources import require_ports
from wsproof.model.measurement import Measurement, ServerUsage
from wsproof.model.plan import NS, Plan
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.net.lock import measurement_lock
from wsproof.net.running import RunningServer


class PartialMix(WsproofError):
    """The run stopped in the middle: `measurements` are what was recorded until then, `cause` is what stopped it."""

    def __init__(self, measurements: Sequence[Measurement], cause: BaseException) -> None:
        super().__init__("The run stopped in the middle.")
        self.measurements = measurements
        self.cause = cause


def run_mixed(
    plans: Sequence[Plan],
    *,
    channels: str,
    settings: Mapping[str, str],
    endpoint: Endpoint,
    server: RunningServer | None = None,
    columns: Sequence[Path] = (),
    progress: Watcher | None = None,
) -> tuple[list[Measurement], ServerUsage | None]:
    """Follow all plans at once; a measurement of each, and what the server used for all of them together.

    What the server spends for one workload nobody can tell, so the measurements have no usage. All are connected before
    the common warm-up begins; the plans have the same warm-up and window, and one step.

    Raises:
        UsageError: a plan cannot be followed here.
        TargetError: nobody could connect.
        PartialMix: Ctrl-C, SIGTERM or a worker's death; holds what there was.
    """
    subscribers = sum(plan.subscribers for plan in plans)
    require_possible(replace(plans[0], subscribers=subscribers))
    require_ports(subscribers, endpoint)
    with ExitStack() as stack:
        alone = stack.enter_context(measurement_lock())
        processes = sum(plan.processes for plan in plans)
        cores = stack.enter_context(cores_apart(processes, server, wanted=all(plan.pin for plan in plans)))
        runs = []
        for at, plan in enumerate(plans):
            folder = columns[at] if columns else Path(stack.enter_context(tempfile.TemporaryDirectory()))
            folder.mkdir(parents=True, exist_ok=True)
            jobs = jobs_of(plan, channels=channels, settings=settings, endpoint=endpoint, server=server, folder=folder)
            runs.append(Run(jobs, stack.enter_context(Crew(jobs)), server, progress or ignore, cores))
        try:
            _follow(runs)
        except (KeyboardInterrupt, InterruptedRun, TerminatedRun, CannotTellError) as cause:
            for run in runs:
                run.crew.stop()
            raise PartialMix([_without_usage(run.collect(alone.alone)) for run in runs], cause) from cause
        measurements = [run.collect(alone.alone) for run in runs]
    # The first listens, and samples, all through the window; the others have their turn behind it.
    return [_without_usage(one) for one in measurements], measurements[0].server


def _follow(runs: Sequence[Run]) -> None:
    """What a crew says while another is listened to waits in its queue, so one after the other is enough."""
    for run in runs:
        run.connect_and_probe()
    at_ns = now_ns() + HEAD_START_NS
    for run in runs:
        run.start_ns = at_ns + int(run.plan.warmup_s * NS)
        run.end_ns = run.start_ns + int(run.plan.duration_s * NS)
        run.crew.tell("start", at_ns=at_ns)
    for run in runs:
        whole_s = (run.end_ns - at_ns) / NS
        if run.wait_said("window-over", Deadline.after(2 * whole_s + 30), f"measure {run.plan.workload}") is None:
            raise CannotTellError("The load engine's workers did not come to the end of the measured window.")
        run.drain()
    for run in runs:
        run.finish()


def _without_usage(measurement: Measurement) -> Measurement:
    return replace(measurement, server=None)
