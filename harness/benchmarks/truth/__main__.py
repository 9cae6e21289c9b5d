"""Is it true what a client says of each message? Its latencies against the packets on the loopback device.

    python -m benchmarks.truth [--blocks 5] [--seconds 8] [--shapes echo chat crowd] [--clients wsproof Locust]

The load is 1,000 messages a second over 100 connections, as evenly spread echoes (`echo`) or as publications that go to
all at once (`chat`), or 10 publications a second to all of 1,000 (`crowd`). The time that a client adds to a message is
its (receipt - actual send), minus the difference between the two packets on the wire. The clients take turns, block by
block, against a fresh server in C. `--json FILE` gets each block as it comes, and the same command again goes on after
the last one in FILE. The benchmark needs tcpdump and the right to capture. Server and capture get one
core, the client another. With `--beside`, another process keeps the client's core busy. k6 takes part if
`rivals/installed.py` finds it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks import figures
from benchmarks.pinned import put_on_core
from benchmarks.progress_line import say
from benchmarks.quick_server.running import quick_server
from benchmarks.rivals.installed import installed, refuse_missing
from benchmarks.truth.clients import CLIENTS, command_of
from benchmarks.truth.load_shapes import SHAPES, plan_of
from benchmarks.truth.matching import match, quantile
from benchmarks.truth.report import Report
from benchmarks.truth.wire import Wire, capture

US = 1e3
SECONDS_BESIDE = 6
"""Seconds that a block takes beside its window: to start, to warm up, to drain, and to read the capture."""
MISSING_ALLOWED = 0.001


@dataclass(frozen=True)
class Block:
    """The figures of one block of one client. Times are in us.

    `added` is reported minus wire. It is the sum of a part for sending and a part for receiving.
    """

    messages: int
    unmatched: int
    wire_p50: float
    wire_p99: float
    reported_p50: float
    reported_p99: float
    added_p50: float
    added_p99: float
    added_max: float
    sending_p50: float
    receiving_p50: float
    receiving_p99: float
    exact_p50: float
    exact_p99: float
    """The part for receiving, of the messages with an exact time of receipt."""
    together: float
    """Share of the messages without an exact time, since the client read them together with a later one."""
    within: float
    """Share of these whose packet lies in the interval that the client reports; NaN if there are none."""
    lag_p99: float
    lag_max: float
    within_lag: float
    """Share of the messages whose `added` is at most the largest loop lag of the client.

    NaN if the client reports no lag.
    """
    beyond: list[float]
    """The twenty largest values of `added` among the other messages."""


def main() -> None:
    asked = arguments()
    if asked.table:
        show_all(figures.rows_of(asked.table))
        return
    rows = []
    for turn in figures.remaining(turns_of(asked), asked.json, asked.seconds + SECONDS_BESIDE):
        with busy_core(1) if asked.beside else nullcontext():
            block = measure(turn["client"], turn["shape"], asked.seconds)
        rows.append({**turn, **asdict(block)})
        figures.append(asked.json, rows[-1])
    show_all(figures.rows_of([asked.json]) if asked.json else rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--blocks", type=int, default=5, help="how many times each client takes its turn (5)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of a block's window (8)")
    parser.add_argument("--shapes", nargs="+", choices=SHAPES, default=list(SHAPES))
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=installed(CLIENTS))
    parser.add_argument("--beside", action="store_true", help="keep the client's core busy with another process")
    figures.add_options(parser)
    asked = parser.parse_args()
    refuse_missing(asked.clients)
    return asked


def turns_of(asked: argparse.Namespace) -> list[figures.Row]:
    """All blocks, in their order: each client of each shape once, then again, beginning with the next client."""
    return [
        {"block": block, "shape": shape, "beside": asked.beside, "client": asked.clients[(block + at) % many]}
        for many in [len(asked.clients)]
        for block in range(asked.blocks)
        for shape in asked.shapes
        for at in range(many)
    ]


def measure(name: str, shape: str, seconds: float) -> Block:
    """Measure one block with a fresh server, a capture, and a client."""
    plan = plan_of(shape, seconds)
    speech, connections = plan.workload, plan.subscribers
    with tempfile.TemporaryDirectory(prefix="wsproof-truth-") as folder, quick_server(speech, connections) as port:
        file = Path(folder) / "report.npz"
        with capture(port, Path(folder) / "wire.pcap") as wire:
            command = command_of(name, shape, port, seconds, file)
            rival = {"WSPROOF_RIVAL": f"{shape}:10:{file}"}
            rival |= {"WSPROOF_BLOCKED": "1"} if name.endswith("blocked") else {}
            client = subprocess.Popen(command, env=os.environ | rival, stdout=subprocess.DEVNULL)
            put_on_core(client.pid, 1)
            client.wait()
        if not file.exists():
            sys.exit(f"{name} has left no report")
        return compare(Report.load(file), wire)


@contextmanager
def busy_core(core: int) -> Iterator[None]:
    """Keep a core busy with another process during this block."""
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    put_on_core(busy.pid, core)
    try:
        yield
    finally:
        busy.kill()
        busy.wait()


def compare(report: Report, wire: Wire) -> Block:
    """Compare the report of the client with the packets on the wire."""
    if wire.dropped:
        sys.exit(f"the capture has lost {wire.dropped} packets: nothing can be said")
    pairs = match(report, wire)
    if not len(report.sequence) or pairs.unmatched > MISSING_ALLOWED * len(report.sequence):
        sys.exit(f"{pairs.unmatched} of {len(report.sequence)} messages were not found on the wire")
    reported, real, added = pairs.reported_ns / US, pairs.real_ns / US, pairs.added_ns / US
    receiving = (pairs.received_ns - pairs.came_ns) / US
    exact, within = receiving[pairs.exact], pairs.within
    lag = report.lag_ns / US
    limit = float(lag.max()) if len(lag) else float("nan")
    beyond = np.sort(added[added > limit])[::-1]
    return Block(
        messages=len(added),
        unmatched=pairs.unmatched,
        wire_p50=quantile(real, 50),
        wire_p99=quantile(real, 99),
        reported_p50=quantile(reported, 50),
        reported_p99=quantile(reported, 99),
        added_p50=quantile(added, 50),
        added_p99=quantile(added, 99),
        added_max=float(added.max()),
        sending_p50=quantile((pairs.left_ns - pairs.sent_ns) / US, 50),
        receiving_p50=quantile(receiving, 50),
        receiving_p99=quantile(receiving, 99),
        exact_p50=quantile(exact, 50) if len(exact) else float("nan"),
        exact_p99=quantile(exact, 99) if len(exact) else float("nan"),
        together=len(within) / len(added),
        within=float(within.mean()) if len(within) else float("nan"),
        lag_p99=quantile(lag, 99) if len(lag) else float("nan"),
        lag_max=limit,
        within_lag=1 - len(beyond) / len(added) if len(lag) else float("nan"),
        beyond=[round(value, 1) for value in beyond[:20].tolist()],
    )


def show_all(rows: Sequence[figures.Row]) -> None:
    """Print a table for each shape, quiet and beside a busy process."""
    names = {field.name for field in fields(Block)}
    tables: dict[tuple[str, bool], dict[str, list[Block]]] = {}
    for row in rows:
        clients = tables.setdefault((row["shape"], row["beside"]), {})
        block = Block(**{name: value for name, value in row.items() if name in names})
        clients.setdefault(row["client"], []).append(block)
    for (shape, beside), blocks in tables.items():
        show(SHAPES[shape] + (", beside a busy process" if beside else ""), blocks)


def show(title: str, blocks: dict[str, list[Block]]) -> None:
    """Print a table in Markdown: medians over the blocks, with minimum and maximum."""
    names = ("wire_p50", "wire_p99", "reported_p50", "reported_p99", "added_p50", "added_p99", "sending_p50")
    say(f"\n{title}: us, median over the blocks (least-most)\n")
    titles = [name.replace("_", " ") for name in (*names, "receiving_p50", "receiving_p99", "exact_p50", "exact_p99")]
    say(
        "| client | blocks | messages | "
        + " | ".join(titles)
        + " | read together | of these within the interval | within its lag |"
    )
    say("| --- |" + " --- |" * (len(titles) + 5))
    for name, found in blocks.items():
        cells = [spread([getattr(block, title.replace(" ", "_")) for block in found]) for title in titles]
        within = "-"
        if not np.isnan(found[0].within_lag):
            beyond = sum(round((1 - block.within_lag) * block.messages) for block in found)
            every = sum(block.messages for block in found)
            within = f"{1 - beyond / every:.3%} ({beyond} beyond; lag max {spread([b.lag_max for b in found])})"
        messages = sum(block.messages for block in found)
        together = f"{median(block.together for block in found):.2%}"
        inside = [block.within for block in found if not np.isnan(block.within)]
        cells += [together, f"{min(inside):.2%}" if inside else "-", within]
        say(f"| {name} | {len(found)} | {messages:,} | " + " | ".join(cells) + " |")
    for name, found in blocks.items():
        for number, block in enumerate(found):
            if block.beyond:
                say(f"\n{name}, block {number + 1}: beyond its lag of {block.lag_max:.0f}: {block.beyond}")


def spread(values: list[float]) -> str:
    return f"{median(values):,.0f} ({min(values):,.0f}-{max(values):,.0f})"


if __name__ == "__main__":
    main()
