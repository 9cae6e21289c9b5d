"""Several servers loaded in turn: all run at the same time and keep their connections, one is loaded in each window."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from wsproof.errors import CannotTellError
from wsproof.load.progress import Progress, Watcher, ignore
from wsproof.load.run import EngineRun
from wsproof.load.setup import LoadTarget, engines_beside
from wsproof.model.measurement import Measurement
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Plan
from wsproof.model.turns import Turns
from wsproof.net.clock import Deadline, now_ns
from wsproof.target.server import RunningServer

IDLE_NS = 500_000_000
"""Time, in ns, before the first window. It shows the cost of servers that are connected and not loaded."""


@dataclass(frozen=True)
class LoadedInTurn:
    """The measurement of each server, and the start of the first window (monotonic ns)."""

    measurements: tuple[Measurement, ...]
    start_ns: int


def run_in_turns(
    plan: Plan,
    turns: Turns,
    servers: Sequence[RunningServer],
    *,
    channels: str,
    settings: Mapping[str, str],
    progress: Watcher | None = None,
) -> LoadedInTurn:
    """Connect to all servers, then load one of them in each window, by the rate and the arrivals of `plan`.

    Each server has an engine of its own. The engines share their cores, since only one of them has work at a time. The
    usage of all servers is sampled at every edge of a round, and at both ends of the idle time before the first one.

    Raises:
        UsageError: the plan cannot be followed on this machine.
        TargetError: nobody could connect.
        PartialRun: Ctrl-C, SIGTERM or the death of a worker. It holds what was recorded.
    """
    plans = [turns.plan_of(index, plan) for index in range(len(servers))]
    targets = [LoadTarget(channels, settings, server.endpoint, server) for server in servers]
    started: list[int] = []
    with engines_beside(plans, targets, progress=ignore) as engines:
        measurements = engines.measure(lambda: started.append(_follow(engines.runs, turns, progress or ignore)))
    return LoadedInTurn(tuple(measurements), started[0])


def _follow(runs: Sequence[EngineRun], turns: Turns, watch: Watcher) -> int:
    """Take all runs through their phases. Returns the time at which the first window began."""
    for number, run in enumerate(runs):
        watch(Progress("connect", number / len(runs)))
        run.connect_and_probe()
    at_ns = now_ns() + IDLE_NS
    _sample(runs)
    for run in runs:
        run.start(at_ns)
    for number in range(turns.rounds + 1):
        time.sleep(max(0.0, (at_ns + number * turns.round_ns - now_ns()) / NS))
        _sample(runs)
        watch(Progress("measure", number / turns.rounds))
    late = Deadline.after(turns.whole_ns / NS + 30)
    for run in runs:
        if run.wait_reported("window-over", late, "measure") is None:
            raise CannotTellError("The load engine's workers did not come to the end of the measured window.")
    for run in runs:
        run.drain()
    for run in runs:
        run.finish()
    return at_ns


def _sample(runs: Sequence[EngineRun]) -> None:
    for run in runs:
        run.sample()
