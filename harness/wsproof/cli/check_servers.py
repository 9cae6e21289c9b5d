"""`wsproof check --server all` (or `a,b,c`): the same app on several servers in turn, and one table."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

from wsproof.cli.check import check_target
from wsproof.cli.command import Command
from wsproof.cli.exit_codes import exit_code_of
from wsproof.errors import ExitCode, TargetError
from wsproof.model.record import RunRecord
from wsproof.model.server_table import ServerRunState, ServerTable, ServerTableRow
from wsproof.model.suite import SuiteReport
from wsproof.net.redact import redact_settings
from wsproof.report.formats.junit import matrix_junit_xml
from wsproof.report.formats.server_table import matrix_markdown, show_matrix, verdict_of_row
from wsproof.report.store.atomic import write_text
from wsproof.report.store.environment import machine_facts
from wsproof.session.context import CommandContext
from wsproof.session.crash import all_done, end_reason
from wsproof.session.options import CheckOptions
from wsproof.session.servers import ServerRun, required_app, turns, worst


def perform(command: Command[CheckOptions]) -> ExitCode:
    """Check each server, print the table, and write the requested copies, even if the run ends early."""
    stage = CommandContext(command.options, command.outputs, command.began)
    options = command.options
    target = required_app(stage)
    to_check = turns(stage, target)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    described = {**target.describe(), "channels": stage.channels, "settings": redact_settings(stage.settings)}
    matrix = ServerTable(described, began, machine_facts(), options.seed, options.strict)
    try:
        for turn in to_check:
            matrix = matrix.but(rows=(*matrix.rows, checked(turn)))
    except BaseException as error:
        rows = (*matrix.rows, *_rows_of(to_check[len(matrix.rows) :], end_reason(error)))
        with suppress(Exception):  # must not replace the error that ended the run
            _finish(stage, matrix.but(rows=rows))  # the checks took minutes: report the servers checked so far
        raise
    if all(row.state is ServerRunState.NOT_INSTALLED for row in matrix.rows):
        raise TargetError(
            "none of the servers is installed beside the target's interpreter. Try: pip install 'wsproof[servers]'"
        )
    _finish(stage, matrix)
    stage.write_accepted(finding for row in matrix.rows for finding in row.findings)
    return worst(map(exit_code_of_row, matrix.rows))


def _rows_of(turns: list[ServerRun[CheckOptions]], reason: str) -> list[ServerTableRow]:
    """The rows of servers that were not fully checked: the partial row if there is one, else the reason."""
    return [
        turn.known[0]
        if turn.known
        else ServerTableRow(turn.server.name, turn.server.title, ServerRunState.NOT_RUN, reason)
        for turn in turns
    ]


def _finish(stage: CommandContext[CheckOptions], matrix: ServerTable) -> None:
    junit, markdown = stage.outputs.junit, stage.outputs.markdown
    steps: list[Callable[[], None]] = [
        partial(show_matrix, stage.console, matrix),
        lambda: stage.write_json(matrix.to_json()),
    ]
    if junit is not None:
        steps.append(lambda: write_text(junit, matrix_junit_xml(matrix)))
    if markdown is not None:
        steps.append(lambda: write_text(markdown, matrix_markdown(matrix)))
    all_done(steps)


def checked(turn: ServerRun[CheckOptions]) -> ServerTableRow:
    """Check one server and return its row. If the server cannot start, the row says why."""
    console, server = turn.stage.console, turn.server
    if turn.missing:
        line = f"\n{turn.number}: {server.name}: {turn.missing}"
        console.print(line, style="dim", markup=False, soft_wrap=True)
        return ServerTableRow(server.name, server.title, ServerRunState.NOT_INSTALLED, turn.missing)

    def tell(report: SuiteReport, record: RunRecord) -> None:
        turn.known.append(ServerTableRow(server.name, server.title, ServerRunState.CHECKED, "", report, record.id))
        console.print(verdict_of_row(turn.known[0]), markup=False, soft_wrap=True)

    try:
        check_target(turn.begin(), tell)
    except TargetError as error:
        console.print(str(error), style="bold red", markup=False, soft_wrap=True)
        if turn.known:
            return turn.known[0]  # the server started, and was lost later: its findings count
        return ServerTableRow(server.name, server.title, ServerRunState.FAILED, str(error))
    return turn.known[0]


def exit_code_of_row(row: ServerTableRow) -> ExitCode:
    """The exit code for one server. A server that is not installed counts as OK."""
    if row.verdict is not None:
        return exit_code_of(row.verdict)
    return ExitCode.USAGE if row.state is ServerRunState.FAILED else ExitCode.OK
