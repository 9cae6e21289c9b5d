"""`wsproof check --server all` (or `a,b,c`): the same app on one server after the other, and one table of them all."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from wsproof.cli.check import check_target
from wsproof.cli.stage import Stage
from wsproof.errors import ExitCode, TargetError, TerminatedRun, UsageError
from wsproof.model.finding import Verdict
from wsproof.model.matrix import Matrix, MatrixRow, State
from wsproof.net.discover import interpreter, resolve_path
from wsproof.net.servers import ALL, Server, choose_server, choose_servers, missing_packages
from wsproof.net.target import Target
from wsproof.report.documents import suite_report_of
from wsproof.report.facts import machine_facts
from wsproof.report.jsonfile import write_text
from wsproof.report.junit import matrix_junit_xml
from wsproof.report.matrix import matrix_markdown, show_matrix, verdict_of_row
from wsproof.workloads import wire_path_of


def perform(arguments: argparse.Namespace) -> ExitCode:
    """Check each server, show the table, and write the copies that were asked for."""
    stage = Stage(arguments)
    target = required_app(stage)
    assert target.app is not None
    servers = choose_servers(arguments.server, target.app)
    if arguments.server != ALL:
        for server in servers:  # who names a server wants that one: its absence is said before any work is done
            choose_server(server.name, interpreter(target.python), target.app)
    began = datetime.now(UTC).isoformat(timespec="seconds")
    described = {**target.describe(), "channels": stage.channels, "settings": stage.settings}
    matrix = Matrix(described, began, machine_facts(), arguments.seed, arguments.strict)
    try:
        for number, server in enumerate(servers, 1):
            matrix = matrix.but(rows=(*matrix.rows, checked(stage, server, target, f"{number} of {len(servers)}")))
    except (KeyboardInterrupt, TerminatedRun):
        if matrix.rows:
            show_matrix(stage.console, matrix)  # it takes minutes: what is known by now is shown
        raise
    if all(row.state is State.NOT_INSTALLED for row in matrix.rows):
        raise TargetError(
            "none of the servers is installed beside the target's interpreter. Try: pip install 'wsproof[servers]'"
        )
    show_matrix(stage.console, matrix)
    stage.write_json(matrix.to_json())
    if arguments.junit:
        write_text(arguments.junit, matrix_junit_xml(matrix))
    if arguments.markdown:
        write_text(arguments.markdown, matrix_markdown(matrix))
    return exit_code_of_matrix(matrix)


def required_app(stage: Stage) -> Target:
    """The target, with its WebSocket path: it is looked up once for all servers.

    Raises:
        UsageError: it is no app that a server could run, or its path is not known.
        TargetError: the app cannot be imported.
    """
    target = stage.target
    if target.app is None:
        raise UsageError(
            "--server all, or several names, runs an app on each server, and this target is no app. "
            "Name an app (pkg.module:app), or leave --server out"
        )
    return resolve_path(target.but(path=target.path or wire_path_of(stage.workloads)))


def checked(stage: Stage, server: Server, target: Target, number: str) -> MatrixRow:
    """One server's row. What cannot be started is told in it; the others are still checked."""
    missing = missing_packages(server, interpreter(target.python))
    if missing:
        reason = f"not installed: pip install {' '.join(missing)}"
        stage.console.print(f"\n{number}: {server.name}: {reason}", style="dim", markup=False, soft_wrap=True)
        return MatrixRow(server.name, server.title, State.NOT_INSTALLED, reason)
    stage.headline(f"{number}: {server.name}")
    # Each has a run of its own. The copies that were asked for are of the whole table.
    own = argparse.Namespace(**vars(stage.arguments) | {"server": server.name, "path": target.path})
    own.junit = own.markdown = None
    row: list[MatrixRow] = []

    def tell(document: Mapping[str, Any]) -> None:
        report = suite_report_of(document)
        row.append(MatrixRow(server.name, server.title, State.CHECKED, "", report, document))
        stage.console.print(verdict_of_row(row[0]), markup=False, soft_wrap=True)

    try:
        record, _ = check_target(Stage(own), tell)
    except TargetError as error:
        stage.console.print(str(error), style="bold red", markup=False, soft_wrap=True)
        return MatrixRow(server.name, server.title, State.FAILED, str(error))
    return row[0].but(run=record.id)


def exit_code_of_matrix(matrix: Matrix) -> ExitCode:
    """The worst of all servers. A violation outranks the rest; a server that did not start outranks what is unknown."""
    if matrix.verdict is Verdict.INVALID:
        return ExitCode.FAILED
    if any(row.state is State.FAILED for row in matrix.rows):
        return ExitCode.USAGE
    return ExitCode.CANNOT_TELL if matrix.verdict is Verdict.UNKNOWN else ExitCode.OK
