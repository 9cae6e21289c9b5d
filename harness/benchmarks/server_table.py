"""One chat on every server: `python -m benchmarks.server_table --subscribers 100 500 1000 [--blocks 1]`.

The reference server under each entry of SERVERS, its naive twin, a bare `websockets` server with its `broadcast`, and
npm's ws where `--npm FOLDER` says where it was installed (`rivals/npm_ws`). Each has a fresh server on a core of its
own, in turn; latency and time to last come from an open loop of 4,000 deliveries a second, which all can serve;
deliveries per second and CPU per delivery from a closed loop with 8 publications in flight. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.pinned import on_core
from wsproof.errors import WsproofError
from wsproof.load import run_plan
from wsproof.model.plan import Plan
from wsproof.net.running import RunningServer, serve
from wsproof.net.servers import ALL, choose_servers
from wsproof.net.target import REFERENCE_APP, Target, parse_target
from wsproof.report.units import for_reader
from wsproof.stats.metrics import summaries
from wsproof.stats.stability import judge_trust

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DELIVERIES_HZ = 4000.0
IN_FLIGHT = 8
READY = "ws://127.0.0.1:{port}/ws/0"


@dataclass(frozen=True)
class Column:
    """A figure of the table: of which loop, which metric, which of its numbers."""

    title: str
    loop: str
    metric: str
    which: str


COLUMNS = (
    Column("deliveries/s, closed loop", "closed", "deliveries_per_s", "value"),
    Column("CPU per delivery, closed loop", "closed", "server_cpu_per_delivery", "value"),
    Column("CPU per delivery, open loop", "open", "server_cpu_per_delivery", "value"),
    Column("latency p50", "open", "latency", "p50"),
    Column("p99", "open", "latency", "p99"),
    Column("time to last p50", "open", "time_to_last", "p50"),
    Column("p99", "open", "time_to_last", "p99"),
    Column("memory per connection", "open", "memory_per_connection", "value"),
)
UNITS = {"deliveries_per_s": "1/s", "server_cpu_per_delivery": "us", "memory_per_connection": "KiB"}


def targets(npm: Path | None) -> dict[str, Target]:
    """Every server by its name in the table."""
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
    chosen = {name: target for name, target in targets(asked.npm).items() if any(word in name for word in asked.only)}
    for subscribers in asked.subscribers:
        rows: dict[str, list[Mapping[str, float]]] = {name: [] for name in chosen}
        doubts: list[str] = []
        for block in range(asked.blocks):
            turn = block % len(chosen)
            names = [*chosen][turn:] + [*chosen][:turn]
            for name in names:
                try:
                    rows[name].append(measure(name, chosen[name], subscribers, asked.seconds, doubts))
                except WsproofError as error:
                    doubts.append(f"{name}: {error}")
        show(subscribers, rows, doubts)
        if asked.json:
            with asked.json.open("a") as file:
                file.write(json.dumps({"subscribers": subscribers, "rows": rows, "doubts": doubts}) + "\n")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--subscribers", type=int, nargs="+", default=[100, 500, 1000])
    parser.add_argument("--blocks", type=int, default=1, help="how many times each server has its turn (1)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the open loop (5); the closed has half")
    parser.add_argument("--npm", type=Path, help="where npm's ws was installed, with rivals/npm_ws/server.mjs")
    parser.add_argument("--only", nargs="+", default=[""], help="only servers whose name has one of these words")
    parser.add_argument("--json", type=Path, help="append every block's figures to this file, too")
    return parser.parse_args()


def measure(name: str, target: Target, subscribers: int, seconds: float, doubts: list[str]) -> dict[str, float]:
    """One server's block: an open loop, then a closed one, on one fresh server."""
    open_loop = Plan("chat", subscribers, 1, DELIVERIES_HZ / subscribers, seconds, warmup_s=1.0)
    closed_loop = Plan("chat", subscribers, 1, 1.0, seconds / 2, warmup_s=0.5, in_flight=IN_FLIGHT)
    found: dict[str, float] = {}
    with started(target) as server:
        for loop, plan in (("open", open_loop), ("closed", closed_loop)):
            with on_core(1):
                measurement = run_plan(plan, channels="tutorial", settings={}, endpoint=server.endpoint, server=server)
            figures = summaries(measurement)
            for column in COLUMNS:
                if column.loop == loop and (value := getattr(figures[column.metric], column.which)) is not None:
                    found[f"{loop} {column.metric} {column.which}"] = value
            reach = figures["reach"].mean
            if reach is not None and reach < 1:
                doubts.append(f"{name}, {loop}: reach {reach:.4%}")
            doubts += [f"{name}, {loop}: {caution.code}" for caution in judge_trust(measurement) if caution.voids]
    return found


@contextmanager
def started(target: Target) -> Iterator[RunningServer]:
    """A fresh server, which stays on the core where it was started."""
    with ExitStack() as stack:
        with on_core(0):
            server = stack.enter_context(serve(target))
        yield server


def show(subscribers: int, rows: Mapping[str, list[Mapping[str, float]]], doubts: list[str]) -> None:
    """The table, medians over the blocks, and below it whatever speaks against a figure."""
    lines = [f"\n{subscribers:,} subscribers\n", f"| server | {' | '.join(column.title for column in COLUMNS)} |"]
    lines.append("| --- |" + " ---: |" * len(COLUMNS))
    for name, blocks in rows.items():
        cells = [cell([block for block in blocks if key_of(column) in block], column) for column in COLUMNS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    lines += ["", *(f"- {doubt}" for doubt in sorted(set(doubts)))]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def key_of(column: Column) -> str:
    return f"{column.loop} {column.metric} {column.which}"


def cell(blocks: list[Mapping[str, float]], column: Column) -> str:
    """One figure; with its spread where there are several blocks."""
    if not blocks:
        return "–"
    values = [block[key_of(column)] for block in blocks]
    unit = UNITS.get(column.metric, "ns")
    middle = for_reader(median(values), unit)
    if len(values) == 1:
        return middle
    return f"{middle} ({for_reader(min(values), unit)}–{for_reader(max(values), unit)})"


if __name__ == "__main__":
    main()
