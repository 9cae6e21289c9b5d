"""Check, measure and load one build: one record, one page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from wsproof.load.limits import require_possible
from wsproof.model.finding import Verdict
from wsproof.model.record import RunRecord
from wsproof.net.budget import Budget
from wsproof.report.closing import closing_sentences
from wsproof.session.bench import judge_objectives, measure_server
from wsproof.session.check import check_server
from wsproof.session.check_recorder import CheckRecorder
from wsproof.session.console import SILENT, Console
from wsproof.session.context import CommandContext
from wsproof.session.crash import violations_outrank_errors
from wsproof.session.load import LoadResult, load_server, ramp_seconds, require_locust
from wsproof.session.only import require_known
from wsproof.session.options import RunOptions
from wsproof.session.plan import plan_of
from wsproof.session.run_recorder import RunRecorder
from wsproof.session.shares import check_budget, fits_again, load_seconds
from wsproof.stats.objective import Objective, parse_objective


def run(options: RunOptions, *, console: Console = SILENT, began: float | None = None) -> RunRecord:
    """Check, measure and load one target, and keep all of it as one run.

    With the default options all of it ends within 90 s of `began` (seconds of `time.monotonic`; now by default).

    Raises:
        UsageError: the options are wrong, or the target could not be started or reached (TargetError).
        ViolatedRun: an error ended the run after a violation was found.
    """
    context = CommandContext(options, console, began)
    objectives = [parse_objective(text) for text in options.slo]
    require_possible(plan_of(context))
    require_locust()
    require_known(options.only, context.workloads)
    with violations_outrank_errors(context):
        try:
            record = _all_parts(context, objectives)
        except BaseException:
            if context.log is not None:
                with suppress(Exception):  # must not replace the error that ended the run
                    console.run_ended(context.log.record)
            raise
        console.run_ended(record)
    return record


def _all_parts(context: CommandContext[RunOptions], objectives: list[Objective]) -> RunRecord:
    """Check, bench and load, each on a fresh server."""
    options, console = context.options, context.console
    connections = max(options.subscribers, options.users)
    with ExitStack() as parts:
        # Begin the record after the target has started: a target that cannot start must leave no record.
        with context.running(wire=True, connections=connections) as server:
            log = parts.enter_context(context.record("run"))
            log.closing = closing_sentences
            log.change(target=context.describe(server), plan=plan_of(context, server).to_json())
            log.keep_output(server)
            console.headline("1 of 3: check")
            if options.budget is None:
                context.budget = Budget(check_budget(context.elapsed_s))
            with CheckRecorder(context, server, log, console.checked) as recorder:
                check_server(context, server, recorder)
        parts.enter_context(_shown_at_last(console, log))
        with context.running(connections=connections) as server:
            log.keep_output(server)
            console.headline("2 of 3: bench")
            asked = bool(objectives) or options.strict_trust
            again = asked or fits_again(context.elapsed_s, plan_of(context, server))
            measure_server(context, server, log, objectives, again=again)
        with context.running(connections=connections) as server:
            log.keep_output(server)
            console.headline("3 of 3: load")
            seconds = load_seconds(context.elapsed_s)
            add_load(
                log,
                load_server(
                    context,
                    server,
                    users=options.users,
                    seconds=max(seconds - ramp_seconds(options.users), 1.0),
                    folder=log.folder,
                ),
            )
        judge_objectives(log, objectives)
    return log.record


@contextmanager
def _shown_at_last(console: Console, log: RunRecorder) -> Iterator[None]:
    """Context manager that shows the run on exit, complete or not."""
    try:
        yield
    finally:
        console.headline("all of it")
        console.measured(log.record)


def add_load(log: RunRecorder, load: LoadResult) -> None:
    """Write the result of the load into the record."""
    found = log.folder.keep_findings(load.findings, log.record.target)
    log.change(
        load=load.summary,
        verdict=Verdict.worst([log.record.verdict, load.verdict]),
        measured_findings=log.record.measured_findings + found,
    )
