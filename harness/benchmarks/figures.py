"""Measurements as lines of JSON, each written as it comes, and tables in Markdown made of them.

So the blocks of a long benchmark can be made in several commands, and nothing is lost where one of them ends early.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

Row = Mapping[str, Any]
ENOUGH_TO_SPREAD = 3


def add_options(parser: argparse.ArgumentParser) -> None:
    """`--json` and `--table`, as every benchmark here that can be made in portions has them."""
    parser.add_argument("--json", type=Path, metavar="FILE", help="append each measurement to this file as it comes")
    parser.add_argument(
        "--table", type=Path, nargs="+", metavar="FILE", help="measure nothing; print the tables of these files"
    )


def append(path: Path | None, row: Row) -> None:
    """One more line of the file, where there is one."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")


def rows_of(paths: Iterable[Path]) -> list[Row]:
    """All measurements of these files."""
    return [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]


def cell(values: Sequence[float], form: Callable[[float], str]) -> str:
    """The median and, of three blocks or more, the least and the most; a dash of none."""
    if not values:
        return "–"
    if len(values) < ENOUGH_TO_SPREAD:
        return form(median(values))
    return f"{form(median(values))} ({form(min(values))}–{form(max(values))})"


def ratios(rows: Iterable[Row], base: Iterable[Row], figure: str) -> list[float]:
    """A figure of the rows as a multiple of the same figure of `base` in the same block, block by block."""
    first = {row["block"]: row[figure] for row in base}
    return [row[figure] / first[row["block"]] for row in rows if row["block"] in first]


def markdown(titles: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """A table whose first column is words and whose others are figures."""
    head = [f"| {' | '.join(titles)} |", "| --- |" + " ---: |" * (len(titles) - 1)]
    return "\n".join([*head, *(f"| {' | '.join(line)} |" for line in lines)])
