"""The same chat load on every server, and one table.

    python -m benchmarks.server_table [--subscribers 100 500 1000] [--servers naive 'npm ws'] [--blocks 1]
    python -m benchmarks.server_table --servers hypercorn --json figures.jsonl      (any number of times)
    python -m benchmarks.server_table --table figures.jsonl

The servers are the reference app on each server that can run it, its naive variant, and a bare `websockets` server
with its `broadcast`. With `--npm FOLDER`, the folder of its installation (`rivals/npm_ws`), npm's ws is added.

Each server is started afresh on a separate core in every block. Latency and time to last come from an open loop of
4,000 deliveries per second, which all can serve. Deliveries per second and CPU per delivery come from a closed loop
with 8 publications in flight. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.alternate import alternate
from benchmarks.pinned import on_core
from benchmarks.progress_line import say
from benchmarks.rivals.installed import npm_folder
from wsproof import WsproofError
from wsproof.load import run_plan
from wsproof.model.plan import Plan
from wsproof.model.reference_server import APP as REFERENCE_APP
from wsproof.report.text.units import for_reader
from wsproof.stats.compared_metrics import voids_judged
from wsproof.stats.metrics import summaries
from wsproof.stats.trust import judge_trust
from wsproof.target.server import RunningServer, serve
from wsproof.target.servers import ALL, choose_servers
from wsproof.target.target import Target, parse_target

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DELIVERIES_HZ = 4000.0
"""Deliveries per second of the open loop, a load that every server can serve."""
IN_FLIGHT = 8
"""Publications in flight in the closed loop."""
READY = "ws://127.0.0.1:{port}/ws/0"


@dataclass(frozen=True)
class Column:
    """A column of the table: the loop, the metric and its statistic."""

    title: str
    loop: str
    metric: str
    which: str

    @property
    def key(self) -> str:
        return f"{self.loop} {self.metric} {self.which}"

    def is_doubted(self, row: figures.Row) -> bool:
        """Whether the row's doubts apply to this column.

        Doubts about the times of the open loop do not apply to its CPU and memory figures.
        """
        is_spent = self.loop == "open" and self.metric in UNITS
        return not is_spent and any(doubt.startswith(self.loop) for doubt in row["doubts"])


COLUMNS = (
    Column("deliveries/s, closed", "closed", "deliveries_per_s", "value"),
    Column("CPU/delivery, closed", "closed", "server_cpu_per_delivery", "value"),
    Column("CPU/delivery, open", "open", "server_cpu_per_delivery", "value"),
    Column("latency p50", "open", "latency", "p50"),
    Column("p99", "open", "latency", "p99"),
    Column("time to last p50", "open", "time_to_last", "p50"),
    Column("p99", "open", "time_to_last", "p99"),
    Column("memory/connection", "open", "memory_per_connection", "value"),
)
UNITS = {"deliveries_per_s": "1/s", "server_cpu_per_delivery": "us", "memory_per_connection": "KiB"}


def targets(npm: Path | None) -> dict[str, Target]:
    """The targets by their names in the table."""
    python = f"cmd:'{sys.executable}'"
    found = {
        f"reference, {server.name}": parse_target(REFERENCE_APP, server=server.name, cwd=ROOT)
        for server in choose_servers(ALL, REFERENCE_APP)
    }
    found["naive, uvicorn-websockets-sansio"] = parse_target(
        "target_app.naive:app", server="uvicorn-websockets-sansio", cwd=ROOT
    )
    found["websockets, broadcast()"] = parse_target(
        f"{python} '{HERE}/rivals/bare_websockets.py' {{port}}", ready=READY
    )
    if npm is not None:
        found["npm ws"] = parse_target(f"cmd:node '{npm}/server.mjs' {{port}}", ready=READY)
    return found


def main() -> None:
    asked = arguments()
    if asked.table:
        say(table(figures.rows_of(asked.table)))
        return
    servers = targets(asked.npm)
    chosen = [name for name in servers if any(word in name for word in asked.servers)]
    rows: list[figures.Row] = []
    for block, (subscribers, name) in alternate([*product(asked.subscribers, chosen)], asked.blocks):
        try:
            found = measure(servers[name], subscribers, asked.seconds)
        except WsproofError as error:
            found = {"doubts": [str(error)]}
        rows.append({"block": block, "server": name, "subscribers": subscribers, **found})
        figures.append(asked.json, rows[-1])
    say(table(rows))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--subscribers", type=int, nargs="+", default=[100, 500, 1000])
    parser.add_argument("--blocks", type=int, default=1, help="how many times each server has its turn (1)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the open loop (5); the closed has half")
    parser.add_argument(
        "--npm",
        type=Path,
        default=npm_folder(),
        help="where npm's ws was installed, with rivals/npm_ws/server.mjs (WSPROOF_NPM)",
    )
    parser.add_argument(
        "--servers", nargs="+", default=[""], metavar="WORD", help="only servers whose name has one of these words"
    )
    figures.add_options(parser)
    return parser.parse_args()


def measure(target: Target, subscribers: int, seconds: float) -> dict[str, Any]:
    """Measure an open loop and then a closed one on one fresh server. Returns the figures and their doubts."""
    open_loop = Plan("chat", subscribers, 1, DELIVERIES_HZ / subscribers, seconds, warmup_s=1.0)
    closed_loop = Plan("chat", subscribers, 1, 1.0, seconds / 2, warmup_s=0.5, in_flight=IN_FLIGHT)
    found: dict[str, Any] = {}
    doubts: list[str] = []
    with started(target) as server:
        for loop, plan in (("open", open_loop), ("closed", closed_loop)):
            with on_core(1):
                measurement = run_plan(plan, channels="tutorial", settings={}, endpoint=server.endpoint, server=server)
            metrics = summaries(measurement)
            for column in COLUMNS:
                if column.loop == loop and (value := getattr(metrics[column.metric], column.which)) is not None:
                    found[column.key] = value
            reach = metrics["reach"].mean
            if reach is not None and reach < 1:
                doubts.append(f"{loop}: reach {reach:.4%}")
            doubts += [f"{loop}: {caution.code}" for caution in judge_trust(measurement) if voids_judged(caution)]
    return found | {"doubts": doubts}


@contextmanager
def started(target: Target) -> Iterator[RunningServer]:
    """Start a fresh server, pinned to the first core."""
    with ExitStack() as stack:
        with on_core(0):
            server = stack.enter_context(serve(target))
        yield server


def table(rows: Sequence[figures.Row]) -> str:
    """The table, with one line per server and number of subscribers, and the doubts below it."""
    cells: dict[tuple[str, int], list[figures.Row]] = {}
    for row in rows:
        cells.setdefault((row["server"], row["subscribers"]), []).append(row)
    titles = ("server", "subscribers", *(column.title for column in COLUMNS))
    doubts = [f"- {name}, {many:,}, {doubt}" for (name, many), own in sorted(cells.items()) for doubt in doubts_of(own)]
    return "\n".join([figures.markdown(titles, [line(*cell, own) for cell, own in sorted(cells.items())]), "", *doubts])


def line(name: str, subscribers: int, rows: Sequence[figures.Row]) -> list[str]:
    """One line of the table. A figure that is doubted in more than half of its blocks has a question mark."""
    shown = [name, f"{subscribers:,}"]
    for column in COLUMNS:
        own = [row for row in rows if column.key in row]
        doubted = [row for row in own if column.is_doubted(row)]
        form = partial(for_reader, unit=UNITS.get(column.metric, "ns"))
        mark = "?" if 2 * len(doubted) > len(own) else ""
        shown.append(figures.cell([row[column.key] for row in own], form) + mark)
    return shown


def doubts_of(rows: Sequence[figures.Row]) -> Iterator[str]:
    """Yield each doubt with the number of blocks that have it."""
    every = [doubt for row in rows for doubt in row["doubts"]]
    for doubt in sorted(set(every)):
        yield f"{doubt} ({every.count(doubt)} of {len(rows)} blocks)"


if __name__ == "__main__":
    main()
