"""Known knees, and the knees that `wsproof capacity` finds: `python -m benchmarks.knees [--json FILE]`.

`limited_server.py` makes at most 4,000 deliveries a second. So the level at which p99(latency) reaches 100 ms is known
from theory. With 60 seats, the server accepts 60 subscribers. Each search runs the command that a user would type. The
95 % interval of its answer should hold the known value: once in twenty searches it may not.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import figures
from benchmarks.progress_line import say
from wsproof.cli import main as wsproof

APP = "benchmarks.knees.limited_server:app"
PER_S = 4_000
SEATS = 60
LIMIT_S = 0.1
WARMUP_S, DURATION_S = 1, 3
SEARCH_S = 120
"""Seconds that a search takes, about."""


def p99_s(subscribers: float, rate_hz: float, rooms: float = 1) -> float:
    """The p99 of latency in theory, for one queue that serves PER_S a second and evenly spaced publications."""
    came = np.arange(0, WARMUP_S + DURATION_S, 1 / (rate_hz * rooms))
    took = subscribers / PER_S
    # A publication is delivered after those before it: the recursion of the queue, solved in closed form.
    position = np.arange(len(came))
    through = took * (position + 1) + np.maximum.accumulate(came - took * position)
    measured = came >= WARMUP_S
    shares = np.arange(1, 101) / 100
    waits = (through - came)[measured][:, None] - took * (1 - shares)
    return float(np.quantile(waits, 0.99))


def knee(p99: Callable[[float], float]) -> float:
    """The level at which the p99 crosses the limit."""
    low, high = 1.0, 10_000.0
    while high / low > 1.0001:
        middle = (low * high) ** 0.5
        low, high = (middle, high) if p99(middle) < LIMIT_S else (low, middle)
    return low


@dataclass(frozen=True)
class Case:
    """A search, and its known answer."""

    known: float
    options: tuple[str, ...]
    seats: int = 100_000


CASES = {
    "subscribers": Case(knee(lambda n: p99_s(n, 20)), ("--rate", "20", "--to", "2000")),
    "rate": Case(
        knee(lambda hz: p99_s(100, hz)), ("--over", "rate", "--subscribers", "100", "--from", "5", "--to", "500")
    ),
    "rooms": Case(
        knee(lambda n: p99_s(20, 10, n)), ("--over", "rooms", "--subscribers", "20", "--rate", "10", "--to", "200")
    ),
    "seats": Case(SEATS, ("--rate", "5", "--to", "2000"), seats=SEATS),
}


def found(case: Case) -> dict[str, object]:
    """Run one search. Returns the capacity part of its record."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "run.json"
        slo = ("--slo", f"p99(latency) < {LIMIT_S:g}s", "--slo", "lost == 0")
        limits = ("--env", f"LIMIT_PER_S={PER_S}", "--env", f"LIMIT_SEATS={case.seats}")
        where = ("--channels", "benchmarks.knees.channels", "--path", "/hall/0/1")
        window = ("--warmup", str(WARMUP_S), "--duration", str(DURATION_S))
        wsproof(["capacity", APP, *where, *slo, *limits, *window, *case.options, "--json", str(record)])
        part: dict[str, object] = json.loads(record.read_text())["capacity"]
        return part


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES))
    figures.add_options(parser)
    asked = parser.parse_args()
    if asked.table:
        for row in figures.rows_of(asked.table):
            say(sentence(row))
        return
    for turn in figures.remaining([{"case": name} for name in asked.cases], asked.json, SEARCH_S):
        case = CASES[turn["case"]]
        row = {**turn, "known": case.known, **found(case)}
        figures.append(asked.json, row)
        say(sentence(row))


def sentence(row: figures.Row) -> str:
    """What was found, and whether it holds the known value."""
    known, interval = row["known"], row["knee"]
    if not isinstance(interval, dict):
        return f"{row['case']}: known {known:.1f}; {row['ending']}: nothing found"
    holds = interval["low"] <= known <= interval["high"]
    return (
        f"{row['case']}: known {known:.1f}; {row['ending']}: {interval['middle']:.1f}, "
        f"from {interval['low']:.1f} to {interval['high']:.1f}: {'holds it' if holds else 'DOES NOT HOLD IT'}"
    )


if __name__ == "__main__":
    main()
