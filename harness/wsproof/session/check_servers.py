"""The same app on several servers in turn: one check each, and one table."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime

from wsproof.errors import TargetError
from wsproof.model.record import RunRecord
from wsproof.model.server_table import ServerRunState, ServerTable, ServerTableRow
from wsproof.model.suite import SuiteReport
from wsproof.net.redact import redact_settings
from wsproof.report.formats.server_table import verdict_of_row
from wsproof.report.store.environment import machine_facts
from wsproof.session.check import check_target
from wsproof.session.console import SILENT, Console
from wsproof.session.context import CommandContext
from wsproof.session.crash import end_reason
from wsproof.session.options import CheckOptions
from wsproof.session.servers import ServerRun, required_app, server_runs


def check_servers(options: CheckOptions, *, console: Console = SILENT, began: float | None = None) -> ServerTable:
    """Check an app on each server that `options.server` names ("all", or "uvicorn,granian"), and keep each run.

    If the checks end early, `console.servers_checked` gets the servers that were checked until then.

    Raises:
        UsageError: the options are wrong, or the target is no app.
        TargetError: no server is installed, or one that was named is not.
    """
    context = CommandContext(options, console, began)
    target = required_app(context)
    to_check = server_runs(context, target)
    started = datetime.now(UTC).isoformat(timespec="seconds")
    described = {**target.describe(), "channels": context.channels, "settings": redact_settings(context.settings)}
    table = ServerTable(described, started, machine_facts(), options.seed, options.strict)
    try:
        for run in to_check:
            table = table.but(rows=(*table.rows, checked(run)))
    except BaseException as error:
        rows = (*table.rows, *_rows_of(to_check[len(table.rows) :], end_reason(error)))
        with suppress(Exception):  # must not replace the error that ended the run
            console.servers_checked(table.but(rows=rows))  # the checks took minutes: show what is known so far
        raise
    if all(row.state is ServerRunState.NOT_INSTALLED for row in table.rows):
        raise TargetError(
            "none of the servers is installed for the target's interpreter. Try: pip install 'wsproof[servers]'"
        )
    console.servers_checked(table)
    return table


def checked(run: ServerRun[CheckOptions]) -> ServerTableRow:
    """Check one server and return its row. If the server cannot start, the row says why."""
    console, server = run.context.console, run.server
    if run.missing:
        console.say(f"\n{run.number}: {server.name}: {run.missing}", style="dim")
        return ServerTableRow(server.name, server.title, ServerRunState.NOT_INSTALLED, run.missing)

    def on_report(report: SuiteReport, record: RunRecord) -> None:
        run.known.append(ServerTableRow(server.name, server.title, ServerRunState.CHECKED, "", report, record.id))
        console.say(verdict_of_row(run.known[0]))

    try:
        check_target(run.begin(), on_report)
    except TargetError as error:
        console.say(str(error), style="bold red")
        if run.known:
            return run.known[0]  # the server started and stopped answering later: its findings count
        return ServerTableRow(server.name, server.title, ServerRunState.FAILED, str(error))
    return run.known[0]


def _rows_of(runs: list[ServerRun[CheckOptions]], reason: str) -> list[ServerTableRow]:
    """The rows of servers that were not fully checked: the partial row if there is one, else the reason."""
    return [
        run.known[0] if run.known else ServerTableRow(run.server.name, run.server.title, ServerRunState.NOT_RUN, reason)
        for run in runs
    ]
