"""Shows the progress of a long command: a bar on a terminal, a few plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.text import Text

from wsproof.report.text.sanitize import clean_line

QUIET_SECONDS = 10.0
"""Without a terminal, the minimum number of seconds between two lines of one phase."""


class EngineStep(Protocol):
    """A progress report of the engine: a phase, the fraction of it that is done (0-1), and a note."""

    @property
    def phase(self) -> str: ...
    @property
    def done(self) -> float: ...
    @property
    def note(self) -> str: ...


class ProgressLine:
    """One line of progress, as a context manager.

    Pass `engine` and `suite(name)` as progress callbacks.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self.console = console
        self.clock = clock
        self.shown_phase = ""
        self.shown_at = float("-inf")
        self.task: TaskID | None = None
        self.bar: Progress | None = _bar(console) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self.bar is not None:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def engine(self, step: EngineStep) -> None:
        """The `progress` callback of the engine and of comparisons."""
        self.show(step.phase, step.done, step.note)

    def suite(self, name: str) -> Callable[[str, float], None]:
        """The `progress` callback of the suite called `name`. It takes the check's title and the fraction done."""

        def tell(title: str, done: float) -> None:
            self.show(name, done, title)

        return tell

    def show(self, phase: str, done: float, note: str = "") -> None:
        """Show that the fraction `done` (0-1) of `phase` is done."""
        done = min(max(done, 0.0), 1.0)
        phase, note = clean_line(phase), clean_line(note)
        if self.bar is None:
            self._say(phase, done, note)
            return
        if self.task is None or phase != self.shown_phase:
            if self.task is not None:
                self.bar.remove_task(self.task)
            # A new task for each phase, because the remaining time is estimated from this phase alone.
            self.task = self.bar.add_task("", total=1.0, phase=phase, note=note)
            self.shown_phase = phase
        self.bar.update(self.task, completed=done, phase=phase, note=note)

    def _say(self, phase: str, done: float, note: str) -> None:
        now = self.clock()
        same = phase == self.shown_phase
        if same and now - self.shown_at < QUIET_SECONDS:
            return
        self.shown_phase, self.shown_at = phase, now
        # A log may keep only this line, and "0 of 1000 connected" would look as if all connections had failed.
        line = f"{phase} {done:.0%}" if same else f"{phase} ..."
        self.console.print(Text(f"{line}: {note}" if note and same else line), soft_wrap=True)


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.fields[phase]}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[note]}", markup=False, style="dim"),
        console=console,
        transient=True,
    )
