"""The console of the command line: prints what session functions tell."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from rich.text import Text

from wsproof.cli.outputs import Outputs
from wsproof.cli.rich_console import rich_console
from wsproof.model.record import RunRecord
from wsproof.report.formats.progress import ProgressLine
from wsproof.report.formats.terminal import show_run
from wsproof.session.console import Console, ProgressDisplay


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
