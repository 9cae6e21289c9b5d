"""`wsproof check`: check that a server follows the protocol and delivers each message once and in order."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from wsproof import delivery
from wsproof.cli.exit_codes import exit_code_of
from wsproof.conformance import suite as rfc6455
from wsproof.errors import ExitCode
from wsproof.model.record import RunRecord
from wsproof.model.server_end import end_findings
from wsproof.model.suite import SuiteName, SuiteOptions
from wsproof.report.formats.junit import junit_xml
from wsproof.report.formats.markdown import run_markdown
from wsproof.report.formats.progress import ProgressLine
from wsproof.report.formats.terminal import show_check
from wsproof.report.store.atomic import write_text
from wsproof.session.check_recorder import CheckRecorder, Tell
from wsproof.session.context import CommandContext
from wsproof.session.crash import all_done, violations_outrank_errors
from wsproof.session.only import require_known
from wsproof.target.server import RunningServer
from wsproof.target.servers import names_several
from wsproof.workloads import opening_of

PROTOCOL_SHARE = 0.75
"""The protocol suite's share of the budget. The channels suite gets the rest, and what the protocol suite leaves."""


def perform(arguments: argparse.Namespace) -> ExitCode:
    """Check the target, print the report, and keep the run."""
    if names_several(arguments.server):
        from wsproof.cli import check_servers

        return check_servers.perform(arguments)
    stage = CommandContext(arguments)
    with violations_outrank_errors(stage):
        record = check_target(stage, partial(finish_check, stage))
        stage.write_accepted(record.findings)
    return exit_code_of(record.verdict)


def check_target(stage: CommandContext, tell: Tell) -> RunRecord:
    """Start the target, check it, and keep the run.

    `tell` gets the report before the record is closed, even if the run ends early.
    """
    require_known(stage.arguments.only, stage.workloads)
    with (
        stage.running(wire=True) as server,
        stage.record("check") as log,
        CheckRecorder(stage, server, log, tell) as recorder,
    ):
        log.keep_output(server)
        check_server(stage, server, recorder)
    return log.record


def options_of(arguments: argparse.Namespace) -> SuiteOptions:
    """The options of both suites, from the command line."""
    options = SuiteOptions(
        seed=arguments.seed,
        only=tuple(arguments.only),
        strict=arguments.strict,
        sample=arguments.sample,
        login=tuple(arguments.login),
    )
    return options if arguments.examples is None else options.but(examples=arguments.examples)


def check_server(stage: CommandContext, server: RunningServer, recorder: CheckRecorder) -> None:
    """Run both suites. The channels suite needs channels and is left out without them."""
    options = options_of(stage.arguments)
    wire, promises = rfc6455.planned(options), delivery.planned(stage.workloads, options)
    recorder.plan(wire + promises)
    budget = server.budget = stage.budget
    with ProgressLine(stage.console) as progress:
        if wire:
            keep = recorder.keep(SuiteName.PROTOCOL)
            own = budget.share(PROTOCOL_SHARE, "the protocol's share of the") if promises else budget
            opening = opening_of(stage.workloads, server.endpoint.path)
            keep(rfc6455.run_suite(server, options, progress.suite("protocol"), keep, own, opening))
        if promises:
            keep = recorder.keep(SuiteName.CHANNELS)
            before = len(server.ends)
            report = delivery.run_suite(server, stage.workloads, options, progress.suite("channels"), keep, budget)
            # The protocol suite already reports which script ended the server's process.
            keep(replace(report, findings=report.findings + end_findings(server.ends[before:])))


def finish_check(stage: CommandContext, document: Mapping[str, Any], record: RunRecord) -> None:
    """Print the report and write the requested copies. A failure in one copy does not prevent the others."""
    arguments = stage.arguments
    steps: list[Callable[[], None]] = [partial(show_check, stage.console, document, all_known=arguments.all)]
    if arguments.junit:
        steps.append(lambda: write_text(arguments.junit, junit_xml(document)))
    if arguments.verb == "check":
        steps.append(lambda: stage.write_json(document))
        if arguments.markdown:
            complete = bool(document["complete"])
            steps.append(lambda: write_text(arguments.markdown, run_markdown(record.but(complete=complete))))
    all_done(steps)
