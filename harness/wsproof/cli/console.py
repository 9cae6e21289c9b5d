"""The console of the command line, to which the session functions report."""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager
from pathlib import Path

import rich.console
from rich.text import Text

from wsproof.cli.outputs import Outputs
from wsproof.model.record import RunRecord
from wsproof.report.formats.progress import ProgressLine
from wsproof.report.formats.terminal import show_run
from wsproof.session.console import Console, ProgressDisplay


class PipeSafeConsole(rich.console.Console):
    """A console that survives a closed pipe (`| head`): the command continues and keeps its exit code."""

    def on_broken_pipe(self) -> None:
        """Discard the remaining output. rich would exit with code 1, which means *invalid* here."""
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), (sys.stderr if self.stderr else sys.stdout).fileno())


def rich_console(*, stderr: bool = False) -> rich.console.Console:
    """A console without highlighting, and without colours if NO_COLOR is set (no-color.org)."""
    return PipeSafeConsole(stderr=stderr, highlight=False, no_color=True if os.environ.get("NO_COLOR") else None)


class TerminalConsole(Console):
    """Prints to stdout, or to stderr if the JSON result goes to stdout. A verb overrides how its result is shown."""

    def __init__(self, outputs: Outputs) -> None:
        self.outputs = outputs
        self.rich = rich_console(stderr=outputs.json == Path("-"))

    def headline(self, text: str) -> None:
        """Print the heading of the next part of a long command, unless with `--quiet`."""
        if self.outputs.quiet:
            return
        self.rich.print(f"\n{text}", style="bold", markup=False)

    def say(self, text: str, style: str = "") -> None:
        """Print one line, however long it is."""
        self.rich.print(Text(text, style=style), soft_wrap=True)

    def waiting(self, text: str) -> AbstractContextManager[object]:
        """Show what the command waits for."""
        return self.rich.status(text)

    def progress(self, *, lines: bool = True) -> AbstractContextManager[ProgressDisplay]:
        """Show progress as a bar on a terminal, and as a few lines elsewhere."""
        is_shown = (lines or self.rich.is_terminal) and not self.outputs.quiet
        return ProgressLine(self.rich) if is_shown else super().progress()

    def measured(self, record: RunRecord) -> None:
        """Print a run. With `--all`, known deviations of server libraries are listed one by one."""
        show_run(self.rich, record, all_known=self.outputs.all)
