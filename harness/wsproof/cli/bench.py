"""`wsproof bench`: how long until the last of N subscribers has it, and is every delivery there?"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from wsproof.cli.log import RunLog
from wsproof.cli.stage import Stage
from wsproof.cli.verdicts import exit_code_of
from wsproof.deviations import KnownDeviations
from wsproof.errors import ExitCode
from wsproof.load import PartialRun, run_plan
from wsproof.load.judging import judge_measurement
from wsproof.load.limits import require_possible
from wsproof.model.finding import Verdict, verdict_of
from wsproof.model.measurement import Measurement
from wsproof.model.record import RunRecord
from wsproof.net.running import RunningServer
from wsproof.net.servers import names_several
from wsproof.report.hdrlog import write_log
from wsproof.report.jsonfile import write_text
from wsproof.report.markdown import run_markdown
from wsproof.report.progress import ProgressLine
from wsproof.report.series import series_of
from wsproof.stats.metrics import summaries
from wsproof.stats.objective import Objective, parse_objective
from wsproof.stats.stability import judge_trust


def perform(arguments: argparse.Namespace) -> ExitCode:
    """Measure the target, show the figures, and keep the run."""
    if is_mix(arguments.workload):
        from wsproof.cli import mixed

        return mixed.perform(arguments)
    if names_several(arguments.server):
        from wsproof.cli import benches

        return benches.perform(arguments)
    stage = Stage(arguments)
    record, code = bench_target(stage)
    stage.write_json(record.to_json())
    if arguments.markdown:
        write_text(arguments.markdown, run_markdown(record))
    return code


def is_mix(workload: str | None) -> bool:
    """Whether `--workload` names several."""
    return workload is not None and (":" in workload or "," in workload)


def bench_target(stage: Stage) -> tuple[RunRecord, ExitCode]:
    """Measure one target; its record, and what it came to."""
    objectives = [parse_objective(text) for text in stage.arguments.slo]
    require_possible(stage.plan())
    with stage.running() as server, stage.record("bench") as log:
        log.change(target=stage.describe(server), plan=stage.plan(server).to_json())
        measure_server(stage, server, log)
        met = judge_objectives(log, objectives)
        stage.show_run(log.record)
    stage.write_accepted(log.record.findings)
    return log.record, exit_code_of(log.record.verdict, trusted=log.record.trusted, objectives_met=met)


def measure_server(stage: Stage, server: RunningServer, log: RunLog) -> None:
    """Run the plan and put what came of it into the record; a partial run is put there, too."""
    try:
        with ProgressLine(stage.console) as progress:
            measurement = run_plan(
                stage.plan(server),
                channels=stage.needed_channels(),
                settings=stage.settings,
                endpoint=server.endpoint,
                server=server,
                columns=log.folder.columns,
                progress=progress.engine,
            )
    except PartialRun as partial:
        if partial.measurement is not None:
            keep_measurement(log, partial.measurement, server.known_deviations, stage.target.secrets, whole=False)
        raise partial.cause from None
    strict = getattr(stage.arguments, "strict", False)  # `bench` itself has no --strict; `run` has, for all its parts
    keep_measurement(log, measurement, server.known_deviations, stage.target.secrets, strict=strict)
    log.add_part("generator", generator_part(stage, measurement))
    where: Path | None = getattr(stage.arguments, "hdr", None)
    if where is not None:
        write_log(where, measurement)


def keep_measurement(
    log: RunLog,
    measurement: Measurement,
    known: KnownDeviations,
    secrets: tuple[str, ...] = (),
    *,
    whole: bool = True,
    strict: bool = False,
) -> None:
    """Judge a measurement and write it into the record; `known` is what is known of the server."""
    findings = judge_measurement(measurement, known, secrets) if whole else ()
    findings = log.folder.keep_findings(findings, log.record.target)
    cautions = judge_trust(measurement)
    verdict = verdict_of(findings, strict=strict) if whole else Verdict.UNKNOWN
    if log.record.parts.get("check"):
        verdict = Verdict.worst([verdict, log.record.verdict])
    log.change(
        plan=measurement.plan.to_json(),
        verdict=verdict,
        trusted=whole and not any(caution.voids for caution in cautions),
        metrics=summaries(measurement),
        findings=log.record.findings + findings,
        warnings=log.record.warnings + tuple(cautions),
        parts={**log.record.parts, "series": series_of(measurement)},
    )


def generator_part(stage: Stage, measurement: Measurement) -> dict[str, Any]:
    """What generated the load, for the record."""
    part = {
        "processes": measurement.generator.processes,
        "chosen": stage.arguments.processes is None,
        "cores": list(measurement.generator.cores),
        "loop": measurement.generator.loop,
    }
    return part | {"deflated": measurement.generator.deflated} if measurement.plan.deflate else part


def judge_objectives(log: RunLog, objectives: list[Objective]) -> list[bool | None]:
    """Hold the record against what `--slo` demands; None where a number is missing."""
    results: list[dict[str, Any]] = []
    for objective in objectives:
        outcome = objective.judge(log.record.metrics, log.record.findings)
        said = outcome.sentence()
        results.append({"objective": objective.text, "met": outcome.met, "value": outcome.value, "said": said})
    if results:
        log.add_part("objectives", results)
    return [result["met"] for result in results]
