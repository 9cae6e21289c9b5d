"""`wsproof run`: check, bench and load in one run, with one record and one page."""

from __future__ import annotations

import time

import psutil

from wsproof.cli.check import CheckConsole
from wsproof.cli.exit_codes import exit_code_of_run
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.model.record import RunRecord
from wsproof.model.suite import SuiteReport
from wsproof.report.formats.github import run_annotations
from wsproof.report.formats.markdown import run_markdown
from wsproof.session.crash import all_done
from wsproof.session.options import RunOptions
from wsproof.session.run import run


class RunConsole(CheckConsole):
    """Prints each part of the run, and writes the requested copies of the whole run."""

    def checked(self, report: SuiteReport, record: RunRecord) -> None:
        """Print the report of the checks, and write it as JUnit XML."""
        all_done(self.report_steps(report))

    def run_ended(self, record: RunRecord) -> None:
        """Write the JSON and Markdown copies, even if the run ended early."""
        all_done(
            [
                lambda: self.outputs.write_json(record.to_json()),
                lambda: self.outputs.write_markdown(lambda: run_markdown(record)),
                lambda: self.outputs.write_annotations(lambda workspace: run_annotations(record, workspace)),
            ]
        )


def run_command(command: ParsedCommand[RunOptions]) -> ExitCode:
    """Check, measure and load one build. Partial results are reported even if the run ends early."""
    options, outputs = command.options, command.outputs
    record = run(options, console=RunConsole(outputs), began=process_began())
    outputs.write_accepted(record.findings)
    return exit_code_of_run(record, strict_trust=options.strict_trust)


def process_began() -> float:
    """The start of this process, in seconds of `time.monotonic`: the time of its imports counts."""
    return time.monotonic() - (time.time() - psutil.Process().create_time())
