"""Progress of a run, for display."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Position of the engine: the name of the phase, the done share of that phase (0-1), and a short note."""

    phase: str
    done: float
    note: str = ""


Watcher = Callable[[Progress], None]
"""Callback for each new `Progress`. It is called in the parent process, several times per second."""


def ignore(progress: Progress) -> None:
    """A watcher that does nothing."""
