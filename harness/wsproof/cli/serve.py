"""`wsproof serve`: start a target and leave it running until Ctrl-C."""

from __future__ import annotations

import time

from wsproof.cli.command import Command
from wsproof.errors import ExitCode, TargetError, UsageError
from wsproof.session.context import CommandContext
from wsproof.session.options import ServeOptions

LOOK_SECONDS = 0.2
"""Seconds between two looks at whether the server is still alive."""


def perform(command: Command[ServeOptions]) -> ExitCode:
    """Start the target, print its URL, and wait. Ctrl-C is the normal end, with exit code 0.

    Raises:
        UsageError: the target is a URL, which runs already.
        TargetError: the server ended by itself.
    """
    stage = CommandContext(command.options, command.outputs, command.began)
    if not stage.target.is_ours:
        raise UsageError(f"{stage.target.spec} runs already; serve starts an app (pkg.module:app) or a cmd: target.")
    with stage.running(port=command.options.port) as server:
        endpoint = server.endpoint.at("/")
        try:
            stage.console.print(f"serving {server.describe()['spec']} with {server.name}", markup=False)
            stage.console.print(f"  {endpoint.url}   (Ctrl-C ends it)", markup=False)
            while server.is_alive():
                time.sleep(LOOK_SECONDS)
        except KeyboardInterrupt:
            return ExitCode.OK
        tail = "\n".join(server.output_tail())
    raise TargetError(f"the server ended by itself. Its last words:\n{tail}")
