"""`wsproof capacity`: find the most subscribers, publications per second or rooms at which all objectives are met."""

from __future__ import annotations

from wsproof.cli.console import TerminalConsole
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.model.capacity import SearchEnding
from wsproof.model.finding import Anomaly, Verdict
from wsproof.model.record import RunRecord
from wsproof.report.formats.terminal import show_findings
from wsproof.report.text.capacity import capacity_sentence
from wsproof.session.capacity import capacity
from wsproof.session.options import CapacityOptions

CODES = {
    SearchEnding.FOUND: ExitCode.OK,
    SearchEnding.MET_AT_HIGHEST: ExitCode.OK,
    SearchEnding.MISSED_AT_LOWEST: ExitCode.FAILED,
    SearchEnding.GENERATOR_LIMITED: ExitCode.CANNOT_TELL,
    SearchEnding.UNSETTLED: ExitCode.CANNOT_TELL,
}
"""The exit code of each way in which a search ends."""


class CapacityConsole(TerminalConsole):
    """Prints protocol findings and the result of a search."""

    def measured(self, record: RunRecord) -> None:
        """Print the findings and the result."""
        protocol = [finding for finding in record.findings if finding.anomaly is Anomaly.PROTOCOL]
        show_findings(self.rich, protocol, all_known=self.outputs.all)
        if record.capacity is not None:
            self.say(f"\n{capacity_sentence(record.capacity)}", style="bold")


def run_command(command: ParsedCommand[CapacityOptions]) -> ExitCode:
    """Run the search, print each level as it is measured, and keep the run."""
    record = capacity(command.options, console=CapacityConsole(command.outputs), began=command.began)
    command.outputs.write_accepted(record.findings)
    command.outputs.write_json(record.to_json())
    return exit_code_of_search(record)


def exit_code_of_search(record: RunRecord) -> ExitCode:
    """The exit code for a search.

    As with all verbs, an unknown protocol deviation fails the command, even if the knee was found.
    """
    if record.verdict is Verdict.INVALID:
        return ExitCode.FAILED
    ending = record.capacity.ending if record.capacity is not None else None
    return CODES[ending] if ending is not None else ExitCode.CANNOT_TELL
