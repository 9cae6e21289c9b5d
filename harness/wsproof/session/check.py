"""A check of one target: does it follow the protocol, and does it deliver each message once and in order?"""

from __future__ import annotations

from dataclasses import replace

from wsproof import delivery
from wsproof.conformance import suite as rfc6455
from wsproof.model.chapter import SuiteName
from wsproof.model.record import RunRecord
from wsproof.model.server_end import end_findings
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.net.budget import Budget
from wsproof.session.check_recorder import CheckRecorder, Tell
from wsproof.session.console import SILENT, Console, ProgressDisplay
from wsproof.session.context import CommandContext
from wsproof.session.crash import violations_outrank_errors
from wsproof.session.only import require_known
from wsproof.session.options import CheckOptions
from wsproof.target.server import RunningServer
from wsproof.workloads import opening_of

PROTOCOL_SHARE = 0.5
"""The protocol suite's least share of the budget. The channels suite gets the rest, and what the protocol suite leaves.
"""
_FIRST_CHANNEL_SHARE = 0.1
_CHANNEL_SHARE = 0.05
"""Parts of the budget for the channels suite: one to begin with, and one for each of its checks."""
QUICK_EXAMPLES = 2
"""Generated examples per property of the protocol in a quick check."""


def check(options: CheckOptions, *, console: Console = SILENT, began: float | None = None) -> RunRecord:
    """Check one target, and keep the run.

    The record has the report (`check`), the findings and the verdict. `began`: when the time of the budget began, in
    seconds of `time.monotonic`; now by default.

    Raises:
        UsageError: the options are wrong, or the target could not be started or reached (TargetError).
        ViolatedRun: an error ended the check after a violation was found.
    """
    context = CommandContext(options, console, began)
    with violations_outrank_errors(context):
        return check_target(context, console.checked)


def check_target(context: CommandContext[CheckOptions], tell: Tell) -> RunRecord:
    """Start the target, check it, and keep the run.

    `tell` gets the report before the record is closed, even if the run ends early.
    """
    require_known(context.options.only, context.workloads)
    with (
        context.running(wire=True) as server,
        context.record("check") as log,
        CheckRecorder(context, server, log, tell) as recorder,
    ):
        log.keep_output(server)
        check_server(context, server, recorder)
    return log.record


def check_server(context: CommandContext[CheckOptions], server: RunningServer, recorder: CheckRecorder) -> None:
    """Run both suites. The channels suite needs channels and is left out without them.

    A quick check begins with the channels: they are what a change to an application breaks.
    """
    options = suite_options(context.options)
    wire, promises = (
        rfc6455.planned(options),
        delivery.planned(context.workloads, options, server.endpoint, owned=server.owned),
    )
    recorder.plan(wire + promises)
    budget = server.budget = context.budget
    with context.console.progress() as progress:
        if promises and options.quick:
            own = budget.share(1 - PROTOCOL_SHARE, "the channels' share of the") if wire else budget
            report = _check_channels(context, server, recorder, progress, own)
            if wire and server.owned and report.findings:
                server.restart()  # what the channels have broken must not look like a fault of the protocol
        if wire:
            keep = recorder.keep(SuiteName.PROTOCOL)
            has_more = promises and not options.quick
            own = budget.share(protocol_share(len(promises)), "the protocol's share of the") if has_more else budget
            opening = opening_of(context.workloads, server.endpoint.path)
            keep(rfc6455.run_suite(server, options, progress.suite("protocol"), keep, own, opening))
        if promises and not options.quick:
            _check_channels(context, server, recorder, progress, budget)


def protocol_share(channel_checks: int) -> float:
    """The protocol suite's share of the budget, where this many checks of channels follow.

    Few of them need little: of `--only protocol`, one check runs in the channels suite.
    """
    return max(PROTOCOL_SHARE, 1 - _FIRST_CHANNEL_SHARE - _CHANNEL_SHARE * channel_checks)


def _check_channels(
    context: CommandContext[CheckOptions],
    server: RunningServer,
    recorder: CheckRecorder,
    progress: ProgressDisplay,
    budget: Budget,
) -> SuiteReport:
    """Run the channels suite within this budget, and return its report."""
    keep = recorder.keep(SuiteName.CHANNELS)
    before, options = len(server.ends), suite_options(context.options)
    report = delivery.run_suite(server, context.workloads, options, progress.suite("channels"), keep, budget)
    # The protocol suite already reports which script ended the server's process.
    report = replace(report, findings=report.findings + end_findings(server.ends[before:]))
    keep(report)
    return report


def suite_options(given: CheckOptions) -> SuiteOptions:
    """The options of both suites."""
    options = SuiteOptions(
        seed=given.seed,
        only=given.only,
        strict=given.strict,
        sample=given.sample,
        disturb=given.disturb or "",
        login=given.login,
        quick=given.quick,
    )
    examples = QUICK_EXAMPLES if given.examples is None and given.quick else given.examples
    return options if examples is None else options.but(examples=examples)
