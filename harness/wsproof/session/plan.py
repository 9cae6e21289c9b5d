"""The plan of a measurement, from its options."""

from __future__ import annotations

from dataclasses import replace

from wsproof.errors import UsageError
from wsproof.load.cores import choose_processes
from wsproof.model.arrivals import RampArrivals, Trace
from wsproof.model.plan import Plan
from wsproof.session.context import CommandContext
from wsproof.session.options import MeasureOptions
from wsproof.target.server import RunningServer
from wsproof.target.target import Target


def plan_of(context: CommandContext[MeasureOptions], server: RunningServer | None = None, *, beside: int = 1) -> Plan:
    """The plan that the options describe.

    A running `server` says how many cores it needs. `beside` is the number of workloads that run at the same time.

    Raises:
        UsageError: the options contradict each other.
    """
    options = context.options
    if options.in_flight is not None and not options.closed:
        raise UsageError("--in-flight applies only to a closed loop: add --closed, or leave it out.")
    processes = options.processes or processes_for(options.subscribers, context.target, server, beside=beside)
    plan = Plan(
        workload=context.workload_name,
        subscribers=options.subscribers,
        publishers=options.publishers,
        rate_hz=options.rate,
        duration_s=options.duration,
        warmup_s=options.warmup,
        payload_bytes=round(options.payload.mean),
        sizes=None if options.payload.bytes[0] == options.payload.largest else options.payload,
        connect_hz=options.connect_rate,
        deflate=options.deflate,
        steps=options.steps,
        arrivals=options.arrivals,
        in_flight=(options.in_flight or 1) if options.closed else None,
        processes=processes,
        pin=options.pin,
        event_loop=options.loop,
        seed=options.seed,
    )
    # A ramp and a trace define the rate, so the plan records their mean rate.
    if isinstance(plan.arrivals, RampArrivals):
        return replace(plan, rate_hz=plan.arrivals.mean_hz())
    if isinstance(plan.arrivals, Trace):
        return replace(plan, rate_hz=plan.arrivals.mean_hz(plan.span))
    return plan


def processes_for(subscribers: int, target: Target, server: RunningServer | None = None, *, beside: int = 1) -> int:
    """The number of load-generating processes if `--processes` is not given."""
    server_cores = server.cores if server is not None else int(target.is_here)
    return choose_processes(subscribers, server_cores=server_cores, workloads=beside)
