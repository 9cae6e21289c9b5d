"""Several workloads on one server at the same time: one engine per workload, one window for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from wsproof.errors import CannotTellError
from wsproof.load.progress import Watcher
from wsproof.load.run import HEAD_START_NS, EngineRun
from wsproof.load.setup import LoadTarget, PartialRun, engines_for
from wsproof.model.measurement import Measurement, ServerUsage
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Plan
from wsproof.net.clock import Deadline, now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.target.server import RunningServer


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
    """Follow all plans at once.

    Returns a measurement of each plan, and the server's usage for all of them together. The server's usage cannot be
    split by workload, so the measurements contain none. All members are connected before the common warm-up begins. The
    plans must have the same warm-up and window, and a single step.

    Raises:
        UsageError: a plan cannot be followed on this machine.
        TargetError: nobody could connect.
        PartialRun: Ctrl-C, SIGTERM or the death of a worker. It holds what was recorded.
    """
    target = LoadTarget(channels, settings, endpoint, server)
    try:
        with engines_for(plans, target, columns=columns, progress=progress) as engines:
            measurements = engines.measure(lambda: _follow(engines.runs))
    except PartialRun as partial:
        raise PartialRun(
            [_without_usage(measurement) for measurement in partial.measurements], partial.cause
        ) from partial.cause
    # The first run samples the server during the whole window. The engine waits for the other runs afterwards.
    return [_without_usage(measurement) for measurement in measurements], measurements[0].server


def _follow(runs: Sequence[EngineRun]) -> None:
    """Take all runs through their phases. The runs are served one after the other.

    Messages from the workers of the other runs wait in their queues meanwhile.
    """
    for run in runs:
        run.connect_and_probe()
    at_ns = now_ns() + HEAD_START_NS
    for run in runs:
        run.start(at_ns)
    for run in runs:
        whole_s = (run.end_ns - at_ns) / NS
        if run.wait_reported("window-over", Deadline.after(2 * whole_s + 30), f"measure {run.plan.workload}") is None:
            raise CannotTellError("The load engine's workers did not come to the end of the measured window.")
        run.drain()
    for run in runs:
        run.finish()


def _without_usage(measurement: Measurement) -> Measurement:
    return replace(measurement, server=None)
