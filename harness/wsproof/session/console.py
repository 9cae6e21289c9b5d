"""Where people read."""

from __future__ import annotations

import os
import sys

from rich.console import Console


class WaitingConsole(Console):
    """A console whose reader may go away (`| head`): the work and its exit code are the same without it."""

    def on_broken_pipe(self) -> None:
        """Say the rest to nobody. (rich itself would end the command with 1, which here means *invalid*.)"""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if self.stderr else sys.stdout).fileno())


def console(*, stderr: bool = False) -> Console:
    """A console for plain words; no colours where NO_COLOR is set (no-color.org)."""
    return WaitingConsole(stderr=stderr, highlight=False, no_color=True if os.environ.get("NO_COLOR") else None)
