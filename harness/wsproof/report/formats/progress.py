"""Shows how far a long command is: a bar on a terminal, a few plain lines anywhere else."""

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
"""Without a terminal, a line at most so often within one phase."""


class EngineStep(Protocol):
    """What the engine tells: a phase, how much of it is done (0-1), and a few words."""

    @property
    def phase(self) -> str: ...
    @property
    def done(self) -> float: ...
    @property
    def note(self) -> str: ...


class ProgressLine:
    """One line of progress. Use as a context manager; hand `engine` and `suite(name)` to what works meanwhile."""

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
        """The `progress` callback of the suite called `name`: it tells the check's title and the share done."""

        def tell(title: str, done: float) -> None:
            self.show(name, done, title)

        return tell

    def show(self, phase: str, done: float, note: str = "") -> None:
        """Say that `done` (0-1) of `phase` is behind us."""
        done = min(max(done, 0.0), 1.0)
        phase, note = clean_line(phase), clean_line(note)
        if self.bar is None:
            self._say(phase, done, note)
            return
        if self.task is None or phase != self.shown_phase:
            if self.task is not None:
                self.bar.remove_task(self.task)
            # A new task for each phase: the time that is left is guessed from this phase alone.
            self.task = self.bar.add_task("", total=1.0, phase=phase, note=note)
            self.shown_phase = phase
        self.bar.update(self.task, completed=done, phase=phase, note=note)

    def _say(self, phase: str, done: float, note: str) -> None:
        now = self.clock()
        same = phase == self.shown_phase
        if same and now - self.shown_at < QUIET_SECONDS:
            return
        self.shown_phase, self.shown_at = phase, now
        # "0 of 1000 connected" as the one line that a log keeps would read as if nobody had connected.
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
