"""Measurements as JSON lines, each written at once, and Markdown tables of them.

So several commands can measure the blocks of a long benchmark, and a command that ends early loses nothing.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.progress_line import say

Row = Mapping[str, Any]
ENOUGH_TO_SPREAD = 3
"""Fewest blocks for which a cell shows minimum and maximum."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add `--json` and `--table`, for benchmarks that can be run in several commands."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="append each measurement to this file as it comes")
    parser.add_argument(
        "--table", type=Path, nargs="+", metavar="FILE", help="measure nothing; print the tables of these files"
    )


def remaining(turns: Sequence[Row], path: Path | None, run_s: float) -> list[Row]:
    """The turns that the file has no measurement of. A turn is the part of a row that names it. Prints their time."""
    done = rows_of([path]) if path is not None and path.exists() else []
    left = [turn for turn in turns if not any(turn.items() <= row.items() for row in done)]
    say(f"{len(left)} of {len(turns)} runs are left: about {len(left) * run_s / 60:.0f} minutes")
    return left


def append(path: Path | None, row: Row) -> None:
    """Append one measurement to the file. Does nothing if the path is None."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def rows_of(paths: Iterable[Path]) -> list[Row]:
    """Read all measurements of the files."""
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


def cell(values: Sequence[float], form: Callable[[float], str]) -> str:
    """A table cell: the median, with minimum and maximum from three blocks on, or a dash if there are none."""
    if not values:
        return "–"
    if len(values) < ENOUGH_TO_SPREAD:
        return form(median(values))
    return f"{form(median(values))} ({form(min(values))}–{form(max(values))})"


def ratios(rows: Iterable[Row], base: Iterable[Row], figure: str) -> list[float]:
    """The ratio of a figure to that of `base` in the same block, for each block that both have."""
    first = {row["block"]: row[figure] for row in base}
    return [row[figure] / first[row["block"]] for row in rows if row["block"] in first]


def markdown(titles: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A Markdown table with one column of text and right-aligned columns of figures."""
    head = [f"| {' | '.join(titles)} |", "| --- |" + " ---: |" * (len(titles) - 1)]
    return "\n".join([*head, *(f"| {' | '.join(line)} |" for line in lines)])
