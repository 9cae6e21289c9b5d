"""`wsproof load`: run many Locust users against a target, in the web UI or headless."""

from __future__ import annotations

from wsproof.cli.console import TerminalConsole
from wsproof.cli.exit_codes import exit_code_of_load
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.model.record import RunRecord
from wsproof.report.formats.terminal import show_findings, show_load, show_load_failures, show_verdict
from wsproof.session.load import load, load_in_browser
from wsproof.session.options import LoadOptions


class LoadConsole(TerminalConsole):
    """Prints what the users of each workload measured, the findings and the verdict."""

    def measured(self, record: RunRecord) -> None:
        """Print the load."""
        if record.load is not None:
            show_load(self.rich, record.load)
        show_findings(self.rich, record.findings, all_known=self.outputs.all)
        show_load_failures(self.rich, record.load)
        show_verdict(self.rich, record.verdict)


def run_command(command: ParsedCommand[LoadOptions]) -> ExitCode:
    """Start the target, run Locust against it, and keep a headless run."""
    options, outputs = command.options, command.outputs
    console = LoadConsole(outputs)
    if not outputs.headless:
        return ExitCode.OK if load_in_browser(options, console=console, began=command.began) else ExitCode.FAILED
    record = load(options, console=console, began=command.began)
    outputs.write_accepted(record.findings)
    outputs.write_json(record.to_json())
    return exit_code_of_load(record, strict_trust=options.strict_trust)
