"""Check, measure and load one build, with one record and one page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from wsproof.load.limits import require_possible
from wsproof.model.finding import Verdict
from wsproof.model.plan import Plan
from wsproof.model.record import RunRecord
from wsproof.net.budget import Budget
from wsproof.report.closing import closing_sentences
from wsproof.session.bench import judge_objectives, measure_server
from wsproof.session.check import check_server, require_known
from wsproof.session.check_recorder import CheckRecorder
from wsproof.session.console import SILENT, Console
from wsproof.session.context import CommandContext
from wsproof.session.crash import violations_outrank_errors
from wsproof.session.load import LoadResult, load_server
from wsproof.session.locust_process import ramp_seconds, require_locust
from wsproof.session.options import RunOptions
from wsproof.session.plan import plan_of
from wsproof.session.run_recorder import RunRecorder
from wsproof.stats.objective import Objective, parse_objective

WHOLE_SECONDS = 80.0
"""Seconds for all parts with the default options. The rest of 90 s is for start, end and page on a busy machine."""
CHECKED_AFTER_SECONDS = 46.0
"""Deadline of the checks, in seconds from the start of the process. A slow start leaves less time for them."""
LEAST_CHECK_SECONDS = 10.0
"""Minimum time for the checks, however slow the start was."""
LOAD_SECONDS = 8.0
"""Run time of Locust, in seconds, unless the parts before took too long."""
LEAST_LOAD_SECONDS = 4.0
"""Minimum run time of Locust, in seconds."""
LOADED_AFTER_SECONDS = 76.0
"""Deadline of Locust's run time, in seconds from the start. Locust runs for less time if the parts before were slow."""
AROUND_LOAD_SECONDS = 6.0
"""Seconds that Locust takes to start, drain and report."""
AROUND_BENCH_SECONDS = 3.0
"""Seconds that a bench takes to start its server, connect and drain."""


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
        parts.enter_context(_shown_at_the_end(console, log))
        with context.running(connections=connections) as server:
            log.keep_output(server)
            console.headline("2 of 3: bench")
            has_question = bool(objectives) or options.strict_trust
            again = has_question or fits_again(context.elapsed_s, plan_of(context, server))
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
def _shown_at_the_end(console: Console, log: RunRecorder) -> Iterator[None]:
    """Context manager that shows the run on exit, complete or not."""
    try:
        yield
    finally:
        console.headline("all of it")
        console.measured(log.record)


def add_load(log: RunRecorder, load: LoadResult) -> None:
    """Write the result of the load into the record."""
    findings = log.folder.keep_findings(load.findings, log.record.target)
    log.change(
        load=load.summary,
        verdict=Verdict.worst([log.record.verdict, load.verdict]),
        measured_findings=log.record.measured_findings + findings,
    )


def check_budget(elapsed: float) -> float:
    """The budget of the checks in seconds, if `--budget` is not given."""
    return max(CHECKED_AFTER_SECONDS - elapsed, LEAST_CHECK_SECONDS)


def load_seconds(elapsed: float) -> float:
    """The run time of Locust in seconds."""
    return min(max(LOADED_AFTER_SECONDS - elapsed, LEAST_LOAD_SECONDS), LOAD_SECONDS)


def fits_again(elapsed: float, plan: Plan) -> bool:
    """Whether there is time for two measurements of the plan and for the load after them."""
    block_s = plan.warmup_s + plan.duration_s + AROUND_BENCH_SECONDS
    return elapsed + 2 * block_s + LOAD_SECONDS + AROUND_LOAD_SECONDS <= WHOLE_SECONDS
