"""`wsproof replay`: repeat a finding's shortest reproduction."""

from __future__ import annotations

from wsproof.cli.console import TerminalConsole
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.report.formats.terminal import show_finding
from wsproof.session.options import ReplayOptions
from wsproof.session.replay import replay


def run_command(command: ParsedCommand[ReplayOptions]) -> ExitCode:
    """Repeat the finding. Exit code 1: it or another violation occurs; 0: none occurs; 3: the result is unknown."""
    console = TerminalConsole(command.outputs)
    result = replay(command.options, began=command.began)
    for finding in result.findings:
        show_finding(console.rich, finding)
    console.rich.print(f"\n{result.sentence}", markup=False)
    return result.code
