"""`wsproof run`: check, bench and load in one run, with one record and one page. The main command."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial

from wsproof.cli.bench import code_of, judge_objectives, measure_server
from wsproof.cli.check import check_server, finish_check
from wsproof.cli.command import Command
from wsproof.cli.load import LoadResult, load_server, require_locust
from wsproof.errors import ExitCode
from wsproof.load.limits import require_possible
from wsproof.model.finding import Verdict
from wsproof.model.record import RunRecord
from wsproof.net.budget import Budget
from wsproof.report.closing import closing_sentences
from wsproof.report.formats.markdown import run_markdown
from wsproof.report.store.atomic import write_text
from wsproof.session.check_recorder import CheckRecorder
from wsproof.session.context import CommandContext
from wsproof.session.crash import all_done, violations_outrank_errors
from wsproof.session.only import require_known
from wsproof.session.options import RunOptions
from wsproof.session.plan import plan_of
from wsproof.session.run_recorder import RunRecorder
from wsproof.session.shares import check_budget, elapsed_s, fits_again, load_seconds
from wsproof.stats.objective import Objective, parse_objective


def perform(command: Command[RunOptions]) -> ExitCode:
    """Check, measure and load one build. Partial results are reported even if the run ends early."""
    stage, options = CommandContext(command.options, command.outputs, command.began), command.options
    objectives = [parse_objective(text) for text in options.slo]
    require_possible(plan_of(stage))
    require_locust()
    require_known(options.only, stage.workloads)
    with violations_outrank_errors(stage):
        try:
            code = _all_parts(stage, objectives)
        except BaseException:
            if stage.log is not None:
                with suppress(Exception):  # must not replace the error that ended the run
                    _write_copies(stage, stage.log.record)
            raise
        assert stage.log is not None
        stage.write_accepted(stage.log.record.findings)
        _write_copies(stage, stage.log.record)
    return code


def _all_parts(stage: CommandContext[RunOptions], objectives: list[Objective]) -> ExitCode:
    """Check, bench and load, each on a fresh server. Returns the exit code."""
    with ExitStack() as run:
        # Begin the record after the target has started: a target that cannot start must leave no record.
        with stage.running(wire=True) as server:
            log = run.enter_context(stage.record("run"))
            log.closing = closing_sentences
            log.change(target=stage.describe(server), plan=plan_of(stage, server).to_json())
            log.keep_output(server)
            stage.headline("1 of 3: check")
            if stage.options.budget is None:
                stage.budget = Budget(check_budget(elapsed_s()))
            with CheckRecorder(stage, server, log, partial(finish_check, stage)) as recorder:
                check_server(stage, server, recorder)
        run.enter_context(_shown_at_last(stage, log))
        with stage.running() as server:
            log.keep_output(server)
            stage.headline("2 of 3: bench")
            asked = bool(objectives) or stage.options.strict_trust
            again = asked or fits_again(elapsed_s(), plan_of(stage, server))
            measure_server(stage, server, log, objectives, again=again)
        with stage.running() as server:
            log.keep_output(server)
            stage.headline("3 of 3: load")
            users, seconds = stage.options.users, load_seconds(elapsed_s())
            load = load_server(stage, server, users=users, seconds=seconds, folder=log.folder)
            add_load(log, load)
        met = judge_objectives(log, objectives)
    return code_of(stage, log.record, met, void=not load.trusted)


@contextmanager
def _shown_at_last(stage: CommandContext[RunOptions], log: RunRecorder) -> Iterator[None]:
    """Context manager that prints the run on exit, complete or not."""
    try:
        yield
    finally:
        stage.headline("all of it")
        stage.show_run(log.record)


def _write_copies(stage: CommandContext[RunOptions], record: RunRecord) -> None:
    """Write the requested JSON and Markdown copies."""
    markdown = stage.outputs.markdown
    steps: list[Callable[[], None]] = [lambda: stage.write_json(record.to_json())]
    if markdown:
        steps.append(lambda: write_text(markdown, run_markdown(record)))
    all_done(steps)


def add_load(log: RunRecorder, load: LoadResult) -> None:
    """Write the result of the load into the record."""
    found = log.folder.keep_findings(load.findings, log.record.target)
    log.change(
        load=load.summary,
        verdict=Verdict.worst([log.record.verdict, load.verdict]),
        measured_findings=log.record.measured_findings + found,
    )
