"""Tests of progress output: a bar on a terminal, a few lines elsewhere."""

from __future__ import annotations

import io
from dataclasses import dataclass

from rich.console import Console

from wsproof.report.formats.progress import QUIET_SECONDS, ProgressLine


@dataclass(frozen=True)
class Step:
    phase: str
    done: float
    note: str = ""


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_without_a_terminal_each_phase_is_one_line() -> None:
    paper, clock = io.StringIO(), Clock()
    with ProgressLine(Console(file=paper, width=80), clock) as progress:
        for phase in ("connecting", "measuring"):
            for number in range(100):
                progress.engine(Step(phase, number / 100))
    assert paper.getvalue().splitlines() == ["connecting ...", "measuring ..."]


def test_a_long_phase_prints_further_lines() -> None:
    paper, clock = io.StringIO(), Clock()
    with ProgressLine(Console(file=paper, width=80), clock) as progress:
        tell = progress.suite("protocol")
        tell("first", 0.0)
        clock.now = QUIET_SECONDS
        tell("second", 0.4)
        tell("third", 0.5)
    assert paper.getvalue().splitlines() == ["protocol ...", "protocol 40%: second"]


def test_a_terminal_shows_a_progress_bar_that_is_cleared_at_the_end() -> None:
    paper = io.StringIO()
    with ProgressLine(Console(file=paper, width=100, force_terminal=True)) as progress:
        progress.engine(Step("measuring", 0.5, "half \x1b[2Jway"))
        assert progress.bar is not None
        progress.bar.refresh()
        progress.engine(Step("draining", 2.0))
        progress.bar.refresh()
    assert "measuring" in paper.getvalue()
    assert "50%" in paper.getvalue()
    assert "100%" in paper.getvalue()
    assert "\x1b[2Jway" not in paper.getvalue()
