"""`wsproof serve`: start a target and leave it running until Ctrl-C."""

from __future__ import annotations

import time

from wsproof.cli.console import TerminalConsole
from wsproof.cli.parser import ParsedCommand
from wsproof.errors import ExitCode, TargetError
from wsproof.session.options import ServeOptions
from wsproof.session.serve import serve

POLL_S = 0.2
"""Seconds between two checks that the server is still running."""


def run_command(command: ParsedCommand[ServeOptions]) -> ExitCode:
    """Start the target, print its URL, and wait. Ctrl-C is the normal end, with exit code 0.

    Raises:
        UsageError: the target is a URL, whose server is already running.
        TargetError: the server ended by itself.
    """
    console = TerminalConsole(command.outputs)
    with serve(command.options) as server:
        try:
            console.say(f"serving {server.describe()['spec']} with {server.name}")
            console.say(f"  {server.endpoint.at('/').url}   (Ctrl-C ends it)")
            while server.is_alive():
                time.sleep(POLL_S)
        except KeyboardInterrupt:
            return ExitCode.OK
        tail = "\n".join(server.output_tail())
    raise TargetError(f"the server ended by itself. Its last lines:\n{tail}")
