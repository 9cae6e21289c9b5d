"""`wsproof check`: does it speak the protocol, and does every subscriber get every message, once and in order?"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from wsproof import channels
from wsproof.cli.only import require_known
from wsproof.cli.stage import Stage
from wsproof.cli.verdicts import exit_code_of
from wsproof.errors import ExitCode
from wsproof.model.record import RunRecord
from wsproof.model.suite import CheckRun, SuiteName, SuiteOptions, SuiteReport
from wsproof.net.redact import hide, hide_in
from wsproof.net.running import RunningServer
from wsproof.net.servers import names_several
from wsproof.report.documents import check_document
from wsproof.report.folders import RunFolder
from wsproof.report.jsonfile import write_text
from wsproof.report.junit import junit_xml
from wsproof.report.markdown import run_markdown
from wsproof.report.progress import ProgressLine
from wsproof.report.text import show_check
from wsproof.rfc6455 import suite as rfc6455
from wsproof.rfc6455.tried import was_tried


def perform(arguments: argparse.Namespace) -> ExitCode:
    """Check the target, show what was found, and keep the run."""
    if names_several(arguments.server):
        from wsproof.cli import matrix

        return matrix.perform(arguments)
    stage = Stage(arguments)
    record, _ = check_target(stage, lambda document: finish_check(stage, document))
    stage.write_accepted(record.findings)
    if arguments.markdown:
        write_text(arguments.markdown, run_markdown(record))
    return exit_code_of(record.verdict)


def check_target(stage: Stage, tell: Callable[[Mapping[str, Any]], None]) -> tuple[RunRecord, Mapping[str, Any]]:
    """Start the target, check it, and keep the run. `tell` is called with the answer before the run is over.

    Returns the record, and the answer as `wsproof.check/1`.
    """
    require_known(stage.arguments.only, stage.workloads)
    with stage.running(wire=True) as server, stage.record("check") as log:
        log.change(target=stage.describe(server))
        report = check_server(stage, server, log.folder)
        document = document_of(stage, server, report)
        tell(document)
        log.change(
            verdict=report.verdict(strict=stage.arguments.strict),
            trusted=True,
            findings=report.findings,
            parts={"check": document},
        )
    return log.record, document


def options_of(arguments: argparse.Namespace) -> SuiteOptions:
    """The suites' options as they were given."""
    options = SuiteOptions(
        seed=arguments.seed,
        only=tuple(arguments.only),
        strict=arguments.strict,
        budget_s=arguments.budget,
        sample=arguments.sample,
    )
    return options if arguments.examples is None else options.but(examples=arguments.examples)


def check_server(stage: Stage, server: RunningServer, folder: RunFolder) -> SuiteReport:
    """Run both suites (the second only where something says what lives where), and mark what is accepted."""
    options = options_of(stage.arguments)
    began = time.monotonic()
    with ProgressLine(stage.console) as progress:
        report = SuiteReport(options.seed)
        if any(options.wants(one.name, one.rule.section, SuiteName.PROTOCOL) for one in rfc6455.CHECKS):
            report = rfc6455.run_suite(server, options, progress.suite("protocol"))
        if stage.workloads:
            rest = options if options.budget_s is None else options.but(budget_s=_left(options.budget_s, began))
            report = report + channels.run_suite(server, stage.workloads, rest, progress.suite("channels"))
    report = server.known_deviations.judge(report, was_tried)
    report = replace(report, checks_run=tuple(_shown(run, stage, folder) for run in report.checks_run))
    findings = [hide_in(finding, stage.target.secrets) for finding in report.findings]
    return replace(report, findings=folder.keep_findings(findings, stage.describe(server)))


def _shown(run: CheckRun, stage: Stage, folder: RunFolder) -> CheckRun:
    """The row without secrets; where wsproof crashed in it, its traceback is kept as a file, too."""
    if not run.traceback:
        return run
    secrets = stage.target.secrets
    run = replace(run, reason=hide(run.reason, secrets), traceback=hide(run.traceback, secrets))
    folder.keep_crash(run.check, run.traceback)
    return run


def _left(budget_s: float, began: float) -> float:
    return max(budget_s - (time.monotonic() - began), 0.001)


def document_of(stage: Stage, server: RunningServer, report: SuiteReport) -> Mapping[str, Any]:
    """The report as `wsproof.check/1`."""
    return check_document(stage.describe(server), report, strict=stage.arguments.strict)


def finish_check(stage: Stage, document: Mapping[str, Any]) -> None:
    """Show the answer, and write the copies that were asked for."""
    show_check(stage.console, document, all_known=stage.arguments.all)
    if stage.arguments.verb == "check":
        stage.write_json(document)
    if stage.arguments.junit:
        write_text(stage.arguments.junit, junit_xml(document))
