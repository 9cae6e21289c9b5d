"""Several workloads at once on one server, with a run for each."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace

from wsproof.errors import UsageError
from wsproof.load import PartialRun
from wsproof.load.judging import judge_measurement
from wsproof.load.mix import run_mixed
from wsproof.model.arrivals import RampArrivals, Trace
from wsproof.model.bench_record import MixedLoad
from wsproof.model.measurement import Measurement, ServerUsage
from wsproof.model.summary import TrustWarning
from wsproof.session.bench import BenchResult, generator_setup, judge_objectives, keep_block
from wsproof.session.bench_faults import require_faults_possible
from wsproof.session.console import SILENT, Console
from wsproof.session.context import CommandContext
from wsproof.session.options import BenchOptions
from wsproof.session.plan import plan_of
from wsproof.session.run_recorder import RunRecorder
from wsproof.stats.objective import parse_objective
from wsproof.stats.resources import cpu_per_delivery_us
from wsproof.target.server import RunningServer
from wsproof.target.servers import names_several


@dataclass(frozen=True)
class MixResult:
    """One result per workload, and the server's CPU time in µs per delivery over all of them (None: unknown)."""

    workloads: tuple[BenchResult, ...]
    server_cpu_per_delivery_us: float | None


def is_mix(workload: str | None) -> bool:
    """Whether the value of `--workload` is a mix: several workloads, or one with a weight."""
    return workload is not None and (":" in workload or "," in workload)


def bench_mix(options: BenchOptions, *, console: Console = SILENT, began: float | None = None) -> MixResult:
    """Measure the workloads of the mix `options.workload` at the same time, and keep a run for each.

    Raises:
        UsageError: the options are wrong, or the target could not be started or reached (TargetError).
    """
    context = CommandContext(options, console, began)
    mix = parse_mix(options.workload or "")
    require_mixable(options, len(mix))
    require_faults_possible(options, is_mix=True)
    parts = [CommandContext(own, console) for own in options_per_workload(options, mix)]
    plans = [plan_of(part, beside=len(mix)) for part in parts]
    with context.running(connections=options.subscribers) as server, ExitStack() as stack:
        logs = [stack.enter_context(part.record("bench")) for part in parts]
        for part, plan, log in zip(parts, plans, logs, strict=True):
            log.change(target=part.describe(server), plan=plan.to_json())
        logs[0].keep_output(server)
        try:
            with console.progress() as progress:
                measurements, usage = run_mixed(
                    plans,
                    channels=context.needed_channels(),
                    settings=context.settings,
                    endpoint=server.endpoint,
                    server=server,
                    columns=[log.folder.columns for log in logs],
                    progress=progress.engine,
                )
        except PartialRun as partial:
            for log, measurement in zip(logs, partial.measurements, strict=True):
                keep_block(log, judge_measurement(measurement, server, whole=False))
            raise partial.cause from None
        cpu_us = usage_of_all(measurements, usage)
        for part, log, measurement in zip(parts, logs, measurements, strict=True):
            _complete_record(part, log, measurement, MixedLoad(beside(log, logs), cpu_us), server)
    # The exit of the `with` block has completed the records.
    results = [BenchResult(log.record, measurement) for log, measurement in zip(logs, measurements, strict=True)]
    return MixResult(tuple(results), cpu_us)


def _complete_record(
    part: CommandContext[BenchOptions],
    log: RunRecorder,
    measurement: Measurement,
    mix: MixedLoad,
    server: RunningServer,
) -> None:
    """Write one workload's measurement into its record, and show the run."""
    keep_block(log, judge_measurement(measurement, server))
    warning = TrustWarning(
        "mixed",
        f"At the same time, the server had other load: {mix.beside}.",
        "Compare it with runs of the same mix only.",
    )
    log.change(warnings=(*log.record.warnings, warning))
    log.change(generator=generator_setup(part, measurement), mix=mix)
    judge_objectives(log, [parse_objective(text) for text in part.options.slo])
    part.console.headline(str(log.record.plan["workload"]))
    part.console.measured(log.record)


def beside(log: RunRecorder, logs: Sequence[RunRecorder]) -> str:
    """The other workloads of the mix and their subscribers, as text."""
    plans = [other.record.plan for other in logs if other is not log]
    return ", ".join(f"{plan['workload']} with {plan['subscribers']} subscribers" for plan in plans)


def usage_of_all(measurements: Sequence[Measurement], usage: ServerUsage | None) -> float | None:
    """Server CPU in µs per delivery, over all workloads. None if the usage or the deliveries are unknown."""
    if usage is None:
        return None
    each = [cpu_per_delivery_us(measurement.history, usage) for measurement in measurements]
    # Each value is the same CPU time divided by one workload's deliveries. So the inverses add up like the counts.
    inverses = [1 / value for value in each if value]
    return 1 / sum(inverses) if inverses else None


def parse_mix(text: str) -> dict[str, float]:
    """Parse a mix such as `"chat:8,echo:2"` into weights. The default weight is 1.

    Raises:
        UsageError: a weight is not a number above 0, or a workload is named twice.
    """
    mix: dict[str, float] = {}
    for part in text.split(","):
        name, colon, number = part.strip().partition(":")
        try:
            weight = float(number) if colon else 1.0
        except ValueError:
            weight = 0.0
        if not name or name in mix or not 0 < weight < float("inf"):
            raise UsageError(f"expected each workload once, with its weight, such as chat:8,echo:2; got {text!r}.")
        mix[name] = weight
    return mix


def require_mixable(options: BenchOptions, count: int) -> None:
    """Reject options that have no meaning for a mix.

    Raises:
        UsageError: an option applies to a single workload, or there are more workloads than subscribers.
    """
    single = {"--rooms": options.rooms, "--format": options.format}
    options_given = [name for name, value in single.items() if value is not None]
    options_given += ["--steps"] * (options.steps > 1) + ["several servers"] * names_several(options.server)
    options_given += [f"--arrivals {options.arrivals}"] * isinstance(options.arrivals, RampArrivals | Trace)
    if options_given:
        raise UsageError(
            f"several workloads at once cannot have {options_given[0]}: leave it out, or measure one workload."
        )
    if options.subscribers < count:
        raise UsageError(f"{count} workloads need at least {count} --subscribers; got {options.subscribers}.")


def options_per_workload(options: BenchOptions, mix: dict[str, float]) -> list[BenchOptions]:
    """The options of each workload: its proportional subscribers, publishers and rate, and a seed of its own."""
    total = sum(mix.values())
    subscribers = portions(options.subscribers, list(mix.values()))
    publishers = portions(max(options.publishers, len(mix)), list(mix.values()))
    return [
        replace(
            options,
            workload=name,
            subscribers=subscribers[at],
            publishers=min(publishers[at], subscribers[at]),
            rate=options.rate * weight / total,
            seed=options.seed + at,
        )
        for at, (name, weight) in enumerate(mix.items())
    ]


def portions(count: int, weights: Sequence[float]) -> list[int]:
    """Split `count` into integers of at least 1, as close to the weights as possible.

    `count` must be at least the number of weights.
    """
    spare, total = count - len(weights), sum(weights)
    ideal = [max(0.0, count * weight / total - 1) for weight in weights]
    ideal = [value * spare / (sum(ideal) or 1) for value in ideal]
    shares = [int(value) for value in ideal]
    by_rest = sorted(range(len(weights)), key=lambda at: shares[at] - ideal[at])
    for at in by_rest[: spare - sum(shares)]:
        shares[at] += 1
    return [1 + value for value in shares]
