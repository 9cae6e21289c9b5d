"""How far a run is, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the engine is: a phase by its name, how much of that phase is done (0-1), and a few words."""

    phase: str
    done: float
    note: str = ""


Watcher = Callable[[Progress], None]
"""Is called with each new `Progress`, in the parent, several times a second."""


def ignore(progress: Progress) -> None:
    """The watcher of those who do not want to know."""
