"""Rounds: one publication at a time, for benchmarks of a single broadcast.

Each publication is sent after the previous one has reached all members.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from wsproof.errors import CannotTellError, UsageError
from wsproof.load.progress import Watcher
from wsproof.load.run import EngineRun
from wsproof.load.setup import LoadTarget, engines_for
from wsproof.model.measurement import Measurement
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Plan
from wsproof.net.clock import Deadline
from wsproof.net.endpoint import Endpoint
from wsproof.target.server import RunningServer
from wsproof.workloads import Workload


def broadcast_rounds(
    *,
    workload: str,
    channels: str,
    settings: Mapping[str, str],
    endpoint: Endpoint,
    server: RunningServer | None = None,
    subscribers: int,
    rounds: int,
    warmup_rounds: int = 5,
    payload_bytes: int = 120,
    round_deadline_s: float = 10.0,
    progress: Watcher | None = None,
) -> Measurement:
    """Connect once, then let member 0 publish `warmup_rounds` + `rounds` times, each time with nothing in flight.

    So the time to the last receipt of a round does not depend on the round before. A round that has not reached
    everybody after `round_deadline_s` stays incomplete, and the next one begins. The measured window runs from the
    first measured round to the end of the last. `plan.rate_hz` is set to the resulting rate.

    Raises:
        UsageError: the workload has no publications, or the plan cannot be followed on this machine.
        TargetError: nobody could connect.
        PartialRun: Ctrl-C, SIGTERM or the death of the worker. It holds what was recorded.
    """
    plan = Plan(
        workload,
        subscribers,
        duration_s=0.0,
        warmup_s=0.0,
        drain_s=round_deadline_s,
        payload_bytes=payload_bytes,
    )

    def fits(chosen: Workload) -> None:
        if not chosen.publishes:
            raise UsageError(f"{workload} has no publications: its members only listen. Choose another workload.")

    target = LoadTarget(channels, settings, endpoint, server)
    with engines_for([plan], target, progress=progress, fits=fits) as engines:
        run = engines.runs[0]

        def follow() -> None:
            run.connect_and_probe()
            _play(run, rounds, warmup_rounds, round_deadline_s)
            run.drain()
            run.finish()

        return engines.measure(follow)[0]


def _play(run: EngineRun, rounds: int, warmup_rounds: int, round_deadline_s: float) -> None:
    run.pool.send("rounds", warmup=warmup_rounds, count=rounds, deadline_s=round_deadline_s)
    message = run.wait_reported(
        "rounds-over", Deadline.after((warmup_rounds + rounds) * round_deadline_s + 30), "rounds"
    )
    if message is None:
        raise CannotTellError("The load engine's worker did not come to the end of its rounds.")
    run.start_ns, run.end_ns = message.details["start_ns"], message.details["end_ns"]
    seconds = (run.end_ns - run.start_ns) / NS
    run.plan = replace(run.plan, duration_s=seconds, rate_hz=rounds / seconds if seconds else run.plan.rate_hz)
