"""`wsproof check`: check that a server follows the protocol and delivers each message once and in order."""

from __future__ import annotations

from collections.abc import Callable

from wsproof.cli.command import Command
from wsproof.cli.console import TerminalConsole
from wsproof.cli.exit_codes import exit_code_of
from wsproof.errors import ExitCode
from wsproof.model.record import RunRecord
from wsproof.model.suite import SuiteReport
from wsproof.report.formats.junit import junit_xml
from wsproof.report.formats.markdown import run_markdown
from wsproof.report.formats.terminal import show_check
from wsproof.session.check import check
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
            ]
        )

    def report_steps(self, report: SuiteReport) -> list[Callable[[], None]]:
        """Print the report, and write it as JUnit XML."""
        return [
            lambda: show_check(self.rich, report, all_known=self.outputs.all, has_rows=not self.outputs.quiet),
            lambda: self.outputs.write_junit(lambda: junit_xml(report)),
        ]


def run_command(command: Command[CheckOptions]) -> ExitCode:
    """Check the target, print the report, and keep the run."""
    if names_several(command.options.server):
        from wsproof.cli import check_servers

        return check_servers.run_command(command)
    record = check(command.options, console=CheckConsole(command.outputs), began=command.began)
    command.outputs.write_accepted(record.findings)
    return exit_code_of(record.verdict)
