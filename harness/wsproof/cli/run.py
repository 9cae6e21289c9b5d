"""`wsproof run`: check, bench and load in one go; one record, one page. The main job."""

from __future__ import annotations

import argparse
from contextlib import ExitStack

from wsproof.cli.bench import code_of, judge_objectives, measure_server
from wsproof.cli.check import check_server, document_of, finish_check
from wsproof.cli.load import LoadResult, load_server, require_locust
from wsproof.cli.log import RunLog
from wsproof.cli.only import require_known
from wsproof.cli.stage import Stage
from wsproof.errors import ExitCode
from wsproof.load.limits import require_possible
from wsproof.model.finding import Verdict
from wsproof.report.jsonfile import write_text
from wsproof.report.markdown import run_markdown
from wsproof.report.words import all_findings
from wsproof.stats.objective import parse_objective

LOAD_SECONDS = 20.0


def perform(arguments: argparse.Namespace) -> ExitCode:
    """Ask all questions that one build alone can answer. Each part begins with a fresh server."""
    stage = Stage(arguments)
    objectives = [parse_objective(text) for text in arguments.slo]
    require_possible(stage.plan())
    require_locust()
    require_known(arguments.only, stage.workloads)
    with ExitStack() as run:
        # A record is begun once the target is up: what cannot be started leaves none behind.
        with stage.running(wire=True) as server:
            log = run.enter_context(stage.record("run"))
            log.change(target=stage.describe(server), plan=stage.plan(server).to_json())
            stage.headline("1 of 3: check")
            report = check_server(stage, server, log.folder)
            document = document_of(stage, server, report)
            finish_check(stage, document)
            log.change(verdict=report.verdict(strict=arguments.strict), findings=report.findings)
            log.add_part("check", document)
        with stage.running() as server:
            stage.headline("2 of 3: bench")
            measure_server(stage, server, log, objectives)
        with stage.running() as server:
            stage.headline("3 of 3: load")
            load = load_server(stage, server, users=arguments.users, seconds=LOAD_SECONDS, folder=log.folder)
            add_load(log, load)
        met = judge_objectives(log, objectives)
        stage.headline("all of it")
        stage.show_run(log.record)
    stage.write_accepted(all_findings(log.record))
    stage.write_json(log.record.to_json())
    if arguments.markdown:
        write_text(arguments.markdown, run_markdown(log.record))
    return code_of(stage, log.record, met, void=not load.trusted)


def add_load(log: RunLog, load: LoadResult) -> None:
    """Put what came of the load into the record."""
    found = log.folder.keep_findings(load.findings, log.record.target)
    log.add_part("load", load.summary)
    log.change(
        verdict=Verdict.worst([log.record.verdict, load.verdict]),
        findings=log.record.findings + found,
    )
