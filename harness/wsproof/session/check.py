"""A check of one target: does it follow the protocol, and does it deliver each message once and in order?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches

from wsproof import delivery
from wsproof.conformance import suite as conformance
from wsproof.conformance.rules import RULES
from wsproof.delivery.revoke_command import require_member_in, with_revoke
from wsproof.errors import UsageError
from wsproof.model.chapter import SuiteName
from wsproof.model.record import RunRecord
from wsproof.model.server_end import end_findings
from wsproof.model.suite import SuiteOptions, SuiteReport
from wsproof.net.budget import Budget
from wsproof.session.check_recorder import CheckRecorder, OnReport
from wsproof.session.console import SILENT, Console, ProgressDisplay
from wsproof.session.context import CommandContext
from wsproof.session.crash import violations_outrank_errors
from wsproof.session.options import CheckOptions
from wsproof.target.server import RunningServer
from wsproof.workloads import Workload, opening_of

PROTOCOL_SHARE = 0.5
"""The protocol suite's least share of the budget. The channels suite gets the rest, and all unused time."""
_FIRST_CHANNEL_SHARE = 0.1
_CHANNEL_SHARE = 0.05
"""Parts of the budget for the channels suite: one to begin with, and one for each of its checks."""
FEED_OBJECTS = 200
"""Objects of each feed that a check looks at, if the budget allows it: a fault may be in one of a hundred."""
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


def check_target(context: CommandContext[CheckOptions], on_report: OnReport) -> RunRecord:
    """Start the target, check it, and keep the run.

    `on_report` gets the report before the record is closed, even if the run ends early.
    """
    require_known(context.options.only, context.workloads)
    require_member_in(context.options.revoke or "")
    with (
        context.running(wire=True) as server,
        context.record("check") as log,
        CheckRecorder(context, server, log, on_report) as recorder,
    ):
        log.keep_output(server)
        check_server(context, server, recorder)
    return log.record


def check_server(context: CommandContext[CheckOptions], server: RunningServer, recorder: CheckRecorder) -> None:
    """Run both suites. The channels suite needs channels and is left out without them.

    A quick check begins with the channels, since a change to an application is most likely to break them.
    """
    options = suite_options(context.options)
    protocol, channels = (
        conformance.planned(options),
        delivery.planned(_revocable(context), options, server.endpoint, owned=server.owned),
    )
    recorder.plan(protocol + channels)
    budget = server.budget = context.budget
    with context.console.progress() as progress:
        if channels and options.quick:
            own = budget.share(1 - PROTOCOL_SHARE, "the channels' share of the") if protocol else budget
            report = _check_channels(context, server, recorder, progress, own)
            if protocol and server.owned and report.findings:
                server.restart()  # a fault that the channels suite caused must not look like a protocol fault
        if protocol:
            keep = recorder.keep(SuiteName.PROTOCOL)
            has_more = channels and not options.quick
            own = budget.share(protocol_share(len(channels)), "the protocol's share of the") if has_more else budget
            opening = opening_of(context.workloads, server.endpoint.path)
            keep(conformance.run_suite(server, options, progress.suite("protocol"), keep, own, opening))
        if channels and not options.quick:
            _check_channels(context, server, recorder, progress, budget)


def protocol_share(channel_checks: int) -> float:
    """The protocol suite's share of the budget if this many checks of the channels suite follow.

    Few checks need little time. With `--only protocol`, one check of the channels suite runs.
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
    report = delivery.run_suite(server, _revocable(context), options, progress.suite("channels"), keep, budget)
    # The protocol suite already reports which script ended the server's process.
    report = replace(report, findings=report.findings + end_findings(server.ends[before:]))
    keep(report)
    return report


def _revocable(context: CommandContext[CheckOptions]) -> Mapping[str, Workload]:
    """The workloads, whose members lose their access as `--revoke` says."""
    return with_revoke(context.workloads, context.options.revoke or "")


def suite_options(options: CheckOptions) -> SuiteOptions:
    """The options of both suites."""
    suites = SuiteOptions(
        seed=options.seed,
        only=options.only,
        strict=options.strict,
        sample=options.sample,
        disturb=options.disturb or "",
        idle_s=options.idle or 0.0,
        feed_objects=FEED_OBJECTS,
        login=options.login,
        quick=options.quick,
    )
    examples = QUICK_EXAMPLES if options.examples is None and options.quick else options.examples
    return suites if examples is None else suites.but(examples=examples)


def require_known(only: Iterable[str], workloads: Mapping[str, Workload]) -> None:
    """Check that each prefix of `--only` matches a check, before anything is started.

    Raises:
        UsageError: a prefix matches no check. The message suggests the nearest name.
    """
    checks = [(check.name, check.rule.section, SuiteName.PROTOCOL) for check in conformance.CHECKS]
    for workload in workloads.values():
        own = [check for check in delivery.CHANNEL_CHECKS if check.applies(workload.contract)]
        checks += [(f"{workload.name}.{check.name}", workload.name, SuiteName.CHANNELS) for check in own]
    for prefix in only:
        options = SuiteOptions(only=(prefix,))
        if not any(options.wants(*check) for check in checks):
            if any(rule.id == prefix for rule in RULES):
                raise UsageError(f"{prefix} is a rule that other checks test: name one of them, or leave out --only")
            raise UsageError(f"--only {prefix} names no check{_advice(prefix, checks, bool(workloads))}")


def _advice(prefix: str, checks: Iterable[tuple[str, str, SuiteName]], has_channels: bool) -> str:
    names = {part for name, section, _ in checks for part in (name, section, *name.split("."))}
    near = get_close_matches(prefix, names, n=1)
    advice = f": did you mean {near[0]}?" if near else ";"
    without = "" if has_channels else " Checks of channels need --channels."
    return f"{advice} `wsproof list checks` shows all of them.{without}"
