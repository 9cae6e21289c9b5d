"""`wsproof check`: check that a server follows the protocol and delivers each message once and in order.

`--server all` (or `a,b,c`) checks the same app on several servers in turn, and prints one table.
"""

from __future__ import annotations

from collections.abc import Callable

from wsproof.cli.console import TerminalConsole
from wsproof.cli.exit_codes import exit_code_of, worst
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.model.record import RunRecord
from wsproof.model.server_table import ServerRunState, ServerTable, ServerTableRow
from wsproof.model.suite import SuiteReport
from wsproof.report.formats.github import finding_annotations, run_annotations
from wsproof.report.formats.junit import junit_xml, matrix_junit_xml
from wsproof.report.formats.markdown import run_markdown
from wsproof.report.formats.server_table import matrix_markdown, show_matrix
from wsproof.report.formats.terminal import show_check
from wsproof.session.check import check
from wsproof.session.check_servers import check_servers
from wsproof.session.crash import all_done
from wsproof.session.options import CheckOptions
from wsproof.target.servers import names_several


class CheckConsole(TerminalConsole):
    """Prints the report of a check and writes the requested copies. A failure in one does not prevent the others."""

    def checked(self, report: SuiteReport, record: RunRecord) -> None:
        """Print the report and write the copies."""
        shown = record.but(complete=report.complete)
        all_done(
            [
                *self.report_steps(report),
                lambda: self.outputs.write_json(report.to_json()),
                lambda: self.outputs.write_markdown(lambda: run_markdown(shown)),
                lambda: self.outputs.write_annotations(lambda workspace: run_annotations(shown, workspace)),
            ]
        )

    def report_steps(self, report: SuiteReport) -> list[Callable[[], None]]:
        """Print the report, and write it as JUnit XML."""
        return [
            lambda: show_check(self.rich, report, all_known=self.outputs.all, has_rows=not self.outputs.quiet),
            lambda: self.outputs.write_junit(lambda: junit_xml(report)),
        ]


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
                lambda: self.outputs.write_annotations(
                    lambda workspace: finding_annotations(
                        (finding for row in table.rows for finding in row.findings), workspace
                    )
                ),
            ]
        )


def run_command(command: ParsedCommand[CheckOptions]) -> ExitCode:
    """Check the target, print the report, and keep the run."""
    if names_several(command.options.server):
        return _run_servers(command)
    record = check(command.options, console=CheckConsole(command.outputs), began=command.began)
    command.outputs.write_accepted(record.findings)
    return exit_code_of(record.verdict)


def _run_servers(command: ParsedCommand[CheckOptions]) -> ExitCode:
    """Check each server, print the table, and write the requested copies, even if the run ends early."""
    table = check_servers(command.options, console=ServersConsole(command.outputs), began=command.began)
    command.outputs.write_accepted(finding for row in table.rows for finding in row.findings)
    return worst(map(_exit_code_of_row, table.rows))


def _exit_code_of_row(row: ServerTableRow) -> ExitCode:
    """The exit code for one server. A server that is not installed counts as OK."""
    if row.verdict is not None:
        return exit_code_of(row.verdict)
    return ExitCode.USAGE if row.state is ServerRunState.FAILED else ExitCode.OK
