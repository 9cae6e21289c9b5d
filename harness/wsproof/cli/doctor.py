"""`wsproof doctor`: print a report on this machine and a target, on one screen."""

from __future__ import annotations

from wsproof.cli.console import rich_console
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode
from wsproof.session.doctor import doctor
from wsproof.session.options import DoctorOptions


def run_command(command: ParsedCommand[DoctorOptions]) -> ExitCode:
    """Print the report: one line per topic, and below it the advice if there is any."""
    out = rich_console()
    for row in doctor(command.options):
        out.print(f"{'!' if row.advice else ' '} {row.topic:<14} {row.value}", markup=False, soft_wrap=True)
        if row.advice:
            out.print(f"  {'':<14} -> {row.advice}", markup=False, soft_wrap=True)
    return ExitCode.OK
