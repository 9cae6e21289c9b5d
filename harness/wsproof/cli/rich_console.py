"""The rich console that commands print to."""

from __future__ import annotations

import os
import sys

from rich.console import Console


class WaitingConsole(Console):
    """A console that survives a closed pipe (`| head`): the command continues and keeps its exit code."""

    def on_broken_pipe(self) -> None:
        """Discard the remaining output. rich would exit with code 1, which means *invalid* here."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if self.stderr else sys.stdout).fileno())


def rich_console(*, stderr: bool = False) -> Console:
    """A console without highlighting, and without colours if NO_COLOR is set (no-color.org)."""
    return WaitingConsole(stderr=stderr, highlight=False, no_color=True if os.environ.get("NO_COLOR") else None)
