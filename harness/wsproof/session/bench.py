"""A measurement of one target: how long until the last of N subscribers has a message, and did each get it?"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from wsproof.checks.beside_faults import judge_faults
from wsproof.load import PartialRun, run_plan
from wsproof.load.judging import JudgedMeasurement, judge_measurement
from wsproof.load.limits import require_possible
from wsproof.model.bench_record import GeneratorSetup, SecondMeasurement
from wsproof.model.fault_load import FaultLoad
from wsproof.model.finding import Verdict
from wsproof.model.measurement import Measurement
from wsproof.model.record import RunRecord
from wsproof.report.charts.series import series_of
from wsproof.session.bench_faults import (
    add_findings,
    faults_record,
    faulty_connections,
    measure_storm,
    require_faults_possible,
    run_with_faults,
)
from wsproof.session.console import SILENT, Console
from wsproof.session.context import CommandContext
from wsproof.session.crash import violations_outrank_errors
from wsproof.session.options import BenchOptions, MeasureOptions, RunOptions
from wsproof.session.plan import plan_of
from wsproof.session.question import Question
from wsproof.session.run_recorder import RunRecorder
from wsproof.stats.arrival_stamps import arrival_intervals, full_buffer_ns
from wsproof.stats.objective import Objective, parse_objective
from wsproof.target.server import RunningServer

MEASURED_AGAIN = "Figures that count are void ({}): measuring once more."


@dataclass(frozen=True)
class BenchResult:
    """The record of a measurement (verdict, figures, objectives), and the measurement itself."""

    record: RunRecord
    measurement: Measurement


def bench(options: BenchOptions, *, console: Console = SILENT, began: float | None = None) -> BenchResult:
    """Measure one target, check every delivery, and keep the run.

    Raises:
        UsageError: the options are wrong, or the target could not be started or reached (TargetError).
        ViolatedRun: an error ended the run after a violation was found.
    """
    return bench_target(CommandContext(options, console, began))


def bench_target(context: CommandContext[BenchOptions]) -> BenchResult:
    """Measure one target."""
    objectives = [parse_objective(text) for text in context.options.slo]
    require_possible(plan_of(context))
    require_faults_possible(context.options)
    with (
        violations_outrank_errors(context),
        context.running(connections=context.options.subscribers + faulty_connections(context.options)) as server,
        context.record("bench") as log,
    ):
        log.change(target=context.describe(server), plan=plan_of(context, server).to_json())
        log.keep_output(server)
        measurement = measure_server(context, server, log, objectives)
        if context.options.reconnect_storm:
            measure_storm(context, server, log, strict=False)
        judge_objectives(log, objectives)
        context.console.measured(log.record)
    return BenchResult(log.record, measurement)


def measure_server(
    context: CommandContext[BenchOptions],
    server: RunningServer,
    log: RunRecorder,
    objectives: Sequence[Objective],
    *,
    again: bool = True,
) -> Measurement:
    """Run the plan, write the result into the record, even if the run ends early, and return the kept measurement.

    With `again`, retry once if void figures leave the user's question unanswered, and keep the better block. A first
    block with a violation is kept without a retry.
    """
    strict = isinstance(context.options, RunOptions) and context.options.strict  # `run` has --strict, for all its parts
    if context.options.faults is not None:
        return _measure_beside_faults(context, server, log, context.options.faults, strict=strict)
    first = measure_block(context, server, log, log.folder.columns)
    question = Question(tuple(objectives), context.options.strict_trust)
    block = first
    if again and question.is_open(first) and first.verdict(strict=strict) is not Verdict.INVALID:
        context.console.say(MEASURED_AGAIN.format(", ".join(first.void_codes)), style="dim")
        if server.owned:
            server.restart()
        columns = log.folder.path / "columns-again"
        second = measure_block(context, server, log, columns, instead=first)
        block = question.better(first, second, strict=strict)
        if block is second:
            shutil.rmtree(log.folder.columns)
            columns.rename(log.folder.columns)
        else:
            shutil.rmtree(columns)
        kept_block = "second" if block is second else "first"
        log.change(measured_again=SecondMeasurement(first.void_codes, kept_block))
    keep_block(log, block, strict=strict)
    log.change(generator=generator_setup(context, block.measurement))
    return block.measurement


def measure_block(
    context: CommandContext[BenchOptions],
    server: RunningServer,
    log: RunRecorder,
    columns: Path,
    instead: JudgedMeasurement | None = None,
) -> JudgedMeasurement:
    """Run the plan once. If the run ends early, write `instead`, or else the partial block, into the record."""
    try:
        with context.console.progress() as progress:
            measurement = run_plan(
                plan_of(context, server),
                channels=context.needed_channels(),
                settings=context.settings,
                endpoint=server.endpoint,
                server=server,
                columns=columns,
                progress=progress.engine,
            )
    except PartialRun as partial:
        if instead is not None:
            keep_block(log, instead)
        else:
            keep_block(log, judge_measurement(partial.measurement, server, whole=False))
        raise partial.cause from None
    return judge_measurement(measurement, server)


def _measure_beside_faults(
    context: CommandContext[BenchOptions], server: RunningServer, log: RunRecorder, faults: FaultLoad, *, strict: bool
) -> Measurement:
    """Run the plan once, in turn without and beside faulty clients, and write the result into the record."""
    try:
        result = run_with_faults(context, server, faults, log.folder.columns)
    except PartialRun as partial:
        keep_block(log, judge_measurement(partial.measurement, server, whole=False))
        raise partial.cause from None
    measurement = result.measurement
    keep_block(log, judge_measurement(measurement, server), strict=strict)
    record = faults_record(result, faults)
    log.change(faults=record, generator=generator_setup(context, measurement))
    add_findings(log, judge_faults(record, measurement.contract), server, strict=strict)
    return measurement


def keep_block(log: RunRecorder, block: JudgedMeasurement, *, strict: bool = False) -> None:
    """Write the block into the record. If the run has had a check, its verdict still counts."""
    findings = log.folder.keep_findings(block.findings, log.record.target)
    verdict = block.verdict(strict=strict)
    if log.record.check is not None:
        verdict = Verdict.worst([verdict, log.record.verdict])
    log.change(
        plan=block.measurement.plan.to_json(),
        verdict=verdict,
        trusted=block.trusted,
        metrics=block.metrics,
        measured_findings=log.record.measured_findings + findings,
        warnings=log.record.warnings + block.warnings,
        series=series_of(block.measurement),
    )


def generator_setup(context: CommandContext[MeasureOptions], measurement: Measurement) -> GeneratorSetup:
    """The record's description of the load generator: processes, cores and event loop."""
    return describe_generator(measurement, chosen=context.options.processes is None)


def describe_generator(measurement: Measurement, *, chosen: bool) -> GeneratorSetup:
    """The description of the load generator. `chosen`: wsproof chose the number of processes, not the user."""
    generator = measurement.generator
    is_stamped = generator.stamps.clock == "kernel"
    return GeneratorSetup(
        processes=generator.processes,
        chosen=chosen,
        cores=generator.cores,
        loop=generator.loop,
        reader=generator.reader,
        stamps=generator.stamps.clock,
        intervals=arrival_intervals(generator.stamps) if is_stamped else None,
        full_buffers=len(full_buffer_ns(generator.stamps)) if is_stamped else None,
        deflated=generator.deflated if measurement.plan.deflate else None,
    )


def judge_objectives(log: RunRecorder, objectives: Sequence[Objective]) -> None:
    """Judge the objectives of `--slo`, and write their outcomes into the record."""
    results = [objective.evaluate(log.record.metrics, log.record.findings) for objective in objectives]
    log.change(objectives=tuple(result.outcome() for result in results))
