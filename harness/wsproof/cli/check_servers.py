"""`wsproof check --server all` (or `a,b,c`): the same app on several servers in turn, and one table."""

from __future__ import annotations

from wsproof.cli.command import Command
from wsproof.cli.console import TerminalConsole
from wsproof.cli.exit_codes import exit_code_of, worst
from wsproof.errors import ExitCode
from wsproof.model.server_table import ServerRunState, ServerTable, ServerTableRow
from wsproof.report.formats.junit import matrix_junit_xml
from wsproof.report.formats.server_table import matrix_markdown, show_matrix
from wsproof.session.check_servers import check_servers
from wsproof.session.crash import all_done
from wsproof.session.options import CheckOptions


class ServersConsole(TerminalConsole):
    """Prints the table and writes the requested copies. A failure in one does not prevent the others."""

    def servers_checked(self, table: ServerTable) -> None:
        """Print the table and write the copies."""
        all_done(
            [
                lambda: show_matrix(self.rich, table),
                lambda: self.outputs.write_json(table.to_json()),
                lambda: self.outputs.write_junit(lambda: matrix_junit_xml(table)),
                lambda: self.outputs.write_markdown(lambda: matrix_markdown(table)),
            ]
        )


def run_command(command: Command[CheckOptions]) -> ExitCode:
    """Check each server, print the table, and write the requested copies, even if the run ends early."""
    table = check_servers(command.options, console=ServersConsole(command.outputs), began=command.began)
    command.outputs.write_accepted(finding for row in table.rows for finding in row.findings)
    return worst(map(exit_code_of_row, table.rows))


def exit_code_of_row(row: ServerTableRow) -> ExitCode:
    """The exit code for one server. A server that is not installed counts as OK."""
    if row.verdict is not None:
        return exit_code_of(row.verdict)
    return ExitCode.USAGE if row.state is ServerRunState.FAILED else ExitCode.OK
