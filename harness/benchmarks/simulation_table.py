"""The table of a simulation: a row per world, printed as soon as it is known."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from benchmarks.progress_line import say

World = TypeVar("World")


def print_table(
    worlds: Iterable[World],
    columns: Sequence[str],
    row: Callable[[World, int, int], Sequence[str]],
    *,
    about: str,
    trials: int,
    arguments: Sequence[str] | None = None,
) -> None:
    """Simulate every world. `row` gets a world, the number of trials and the seed, and returns the cells."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--trials", type=int, default=trials, help=f"comparisons per row (default {trials})")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    say(f"{options.trials} simulated comparisons per row, seed {options.seed}\n")
    say(f"| {' | '.join(columns)} |\n| --- |{' ---: |' * (len(columns) - 1)}")
    for world in worlds:
        say(f"| {' | '.join(row(world, options.trials, options.seed))} |")


def called_worse(share: float, ratios: Iterable[float]) -> str:
    """The share of the trials in which the change was called worse; a dash in a world without a change."""
    return f"{share:.1%}" if set(ratios) != {1.0} else "-"
