"""`wsproof check`: check that a server follows the protocol and delivers each message once and in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from wsproof import delivery
from wsproof.cli.command import Command
from wsproof.cli.exit_codes import exit_code_of
from wsproof.conformance import suite as rfc6455
from wsproof.errors import ExitCode
from wsproof.model.chapter import SuiteName
from wsproof.model.record import RunRecord
from wsproof.model.server_end import end_findings
from wsproof.model.suite import SuiteReport
from wsproof.report.formats.junit import junit_xml
from wsproof.report.formats.markdown import run_markdown
from wsproof.report.formats.progress import ProgressLine
from wsproof.report.formats.terminal import show_check
from wsproof.report.store.atomic import write_text
from wsproof.session.check import suite_options
from wsproof.session.check_recorder import CheckRecorder, Tell
from wsproof.session.context import CommandContext
from wsproof.session.crash import all_done, violations_outrank_errors
from wsproof.session.only import require_known
from wsproof.session.options import CheckOptions, RunOptions
from wsproof.target.server import RunningServer
from wsproof.target.servers import names_several
from wsproof.workloads import opening_of

PROTOCOL_SHARE = 0.5
"""The protocol suite's share of the budget. The channels suite gets the rest, and what the protocol suite leaves."""


def perform(command: Command[CheckOptions]) -> ExitCode:
    """Check the target, print the report, and keep the run."""
    if names_several(command.options.server):
        from wsproof.cli import check_servers

        return check_servers.perform(command)
    stage = CommandContext(command.options, command.outputs, command.began)
    with violations_outrank_errors(stage):
        record = check_target(stage, partial(finish_check, stage))
        stage.write_accepted(record.findings)
    return exit_code_of(record.verdict)


def check_target(stage: CommandContext[CheckOptions], tell: Tell) -> RunRecord:
    """Start the target, check it, and keep the run.

    `tell` gets the report before the record is closed, even if the run ends early.
    """
    require_known(stage.options.only, stage.workloads)
    with (
        stage.running(wire=True) as server,
        stage.record("check") as log,
        CheckRecorder(stage, server, log, tell) as recorder,
    ):
        log.keep_output(server)
        check_server(stage, server, recorder)
    return log.record


def check_server(stage: CommandContext[CheckOptions], server: RunningServer, recorder: CheckRecorder) -> None:
    """Run both suites. The channels suite needs channels and is left out without them."""
    options = suite_options(stage.options)
    wire, promises = rfc6455.planned(options), delivery.planned(stage.workloads, options, server.endpoint)
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


def finish_check(stage: CommandContext[CheckOptions], report: SuiteReport, record: RunRecord) -> None:
    """Print the report and write the requested copies. A failure in one copy does not prevent the others."""
    outputs = stage.outputs
    steps: list[Callable[[], None]] = [partial(show_check, stage.console, report, all_known=outputs.all)]
    if outputs.junit is not None:
        junit = outputs.junit
        steps.append(lambda: write_text(junit, junit_xml(report)))
    if not isinstance(stage.options, RunOptions):
        steps.append(lambda: stage.write_json(report.to_json()))
        if outputs.markdown is not None:
            shown, markdown = record.but(complete=report.complete), outputs.markdown
            steps.append(lambda: write_text(markdown, run_markdown(shown)))
    all_done(steps)
