"""The interface through which a session function reports progress and results."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from wsproof.load import Progress
from wsproof.model.comparison import Comparison
from wsproof.model.record import RunRecord
from wsproof.model.server_table import ServerTable
from wsproof.model.suite import SuiteReport

__all__ = ["SILENT", "Console", "ProgressDisplay"]


class ProgressDisplay(Protocol):
    """Shows how far a suite or a measurement is."""

    def engine(self, step: Progress, /) -> None:
        """Show a step of the load engine."""

    def suite(self, name: str, /) -> Callable[[str, float], None]:
        """A callback for one suite. It takes the title of a check and the share of the suite that is done."""


class _NoProgress:
    def engine(self, step: Progress, /) -> None:
        pass

    def suite(self, name: str, /) -> Callable[[str, float], None]:
        return lambda title, done: None


class Console:
    """Methods that a session function calls while it works. They do nothing here; a front end overrides them.

    Results arrive before the record of the run is closed, and even if the run ends early.
    """

    def headline(self, text: str) -> None:
        """The heading of the next part of a long command."""

    def say(self, text: str, style: str = "") -> None:
        """One line for the user."""

    def waiting(self, text: str) -> AbstractContextManager[object]:
        """A context manager for a long wait. `text` says what it waits for."""
        return nullcontext()

    def progress(self, *, lines: bool = True) -> AbstractContextManager[ProgressDisplay]:
        """A context manager for progress. Without `lines` it is shown only on a terminal, which can erase it."""
        return nullcontext(_NoProgress())

    def checked(self, report: SuiteReport, record: RunRecord) -> None:
        """All checks of one target have ended."""

    def servers_checked(self, table: ServerTable) -> None:
        """The checks of an app on several servers have ended."""

    def measured(self, record: RunRecord) -> None:
        """The measurement, the search or the load of a run has ended."""

    def compared(self, comparison: Comparison) -> None:
        """The comparison has ended."""

    def run_ended(self, record: RunRecord) -> None:
        """All parts of `wsproof run` have ended, and the record is closed."""


SILENT = Console()
"""A console that shows nothing."""
