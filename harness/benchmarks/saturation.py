"""Trust of an overloaded engine: `python -m benchmarks.saturation [--subscribers 10] [--levels 5000]`.

A server in C broadcasts each publication to all subscribers. The load is raised until the engine, on one core, cannot
keep up. Each level compares two p99 latencies of the connections whose packets are captured: as the run reports it
(from the intended time), and on the wire. The run must call itself untrusted if its p99 departs by more than 20 % and
by more than `RESOLUTION_NS`. `--below N` adds N runs each at half and at 0.9 of the capacity that the levels
show: an untrusted run there is a false positive. `--json FILE` gets each run as it comes, and the same command again
goes on after the last one in FILE. Needs tcpdump, as `benchmarks.truth` does.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks import figures
from benchmarks.pinned import put_on_core
from benchmarks.progress_line import say
from benchmarks.quick_server.running import quick_server
from benchmarks.truth.clients import report_of_engine
from benchmarks.truth.matching import match, quantile
from benchmarks.truth.report import Report
from benchmarks.truth.wire import Wire, capture
from wsproof import Measurement, parse_arrivals
from wsproof.load import run_plan
from wsproof.model.plan import Plan
from wsproof.net.endpoint import Endpoint
from wsproof.stats.compared_metrics import voids_judged
from wsproof.stats.metrics import summaries
from wsproof.stats.trust import RESOLUTION_NS, judge_trust

LEVELS = (2_000, 5_000, 10_000, 15_000, 20_000, 30_000, 40_000, 60_000, 80_000, 120_000, 160_000, 200_000)
CAPTURED = 12
"""Most connections whose packets are captured. Capturing all would take CPU from the processes under test."""
MAX_DEPARTURE = 0.2
"""Largest difference of the reported p99 from the p99 on the wire, as a share of the latter."""
KEPT_UP = 0.95
"""Within its capacity, the engine delivers at least this share of the offered rate, and uses at most this share of a
core."""
SECONDS_BESIDE = 6
"""Seconds that a run takes beside its window."""
MS = 1e6


@dataclass(frozen=True)
class Block:
    """The figures of one run at one level. Times are in ms."""

    offered_hz: float
    delivered_hz: float
    reported_p99: float
    wire_p99: float
    added_p50: float
    added_p99: float
    generator_cpu: float
    lag_max: float
    voiding: list[str]
    dropped: int

    @property
    def departs(self) -> bool:
        """Whether the reported p99 differs from the p99 on the wire by more than both limits."""
        beyond = abs(self.reported_p99 - self.wire_p99)
        return beyond > MAX_DEPARTURE * self.wire_p99 and beyond > RESOLUTION_NS / MS

    @property
    def untrusted(self) -> bool:
        return bool(self.voiding)


def main() -> None:
    asked = arguments()
    if asked.client:
        port, file = asked.client
        perform(int(port), plan_of(asked.levels[0], asked), Path(file))
        return
    if asked.table:
        print_verdicts([block_of(row) for row in figures.rows_of(asked.table)])
        return
    titles = "offered/s | delivered/s | p99 reported | on the wire | departs | added p50 | added p99 | CPU | lag max"
    say(f"| {titles} | untrusted: why |\n|{' ---: |' * 9} --- |")
    blocks = perform_all([(level, number) for number in range(asked.blocks) for level in asked.levels], asked)
    if asked.below:
        most = capacity_of(blocks)
        say(f"\nThe capacity is at least {most:,.0f}/s. Runs at half and at 0.9 of it:\n")
        below = [(round(share * most), number) for number in range(asked.below) for share in (0.5, 0.9)]
        blocks += perform_all(below, asked)
    print_verdicts(blocks)


def perform_all(turns: Sequence[tuple[float, int]], asked: argparse.Namespace) -> list[Block]:
    """Do the runs (level, number) that the file does not have yet. Returns the blocks of all."""
    named: list[figures.Row] = [{"offered_hz": level, "number": number} for level, number in turns]
    blocks = {}
    for turn in figures.remaining(named, asked.json, asked.seconds + SECONDS_BESIDE):
        block = measure(turn["offered_hz"], asked)
        figures.append(asked.json, {**turn, **asdict(block)})
        blocks[tuple(turn.values())] = block
    for row in figures.rows_of([asked.json]) if asked.json and asked.json.exists() else []:
        blocks[row["offered_hz"], row["number"]] = block_of(row)
    return [blocks[turn] for turn in turns]


def block_of(row: figures.Row) -> Block:
    return Block(**{name: value for name, value in row.items() if name != "number"})


def capacity_of(blocks: list[Block]) -> float:
    """The highest level up to which every run delivered what was offered and left a part of the CPU unused."""
    full = [b.offered_hz for b in blocks if b.delivered_hz < KEPT_UP * b.offered_hz or b.generator_cpu > KEPT_UP]
    first = min(full, default=float("inf"))
    return max((block.offered_hz for block in blocks if block.offered_hz < first), default=first)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--levels", type=float, nargs="+", default=LEVELS, help="deliveries per second that are offered"
    )
    parser.add_argument("--subscribers", type=int, default=100, help="who is in the room (100)")
    parser.add_argument("--arrivals", default="constant", help="how publications are spaced; burst:10 is ten at once")
    parser.add_argument("--blocks", type=int, default=1, help="runs at each level (1)")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of a run's window (3)")
    parser.add_argument("--below", type=int, default=0, help="further runs at half and at 0.9 of the capacity (0)")
    figures.add_options(parser)
    parser.add_argument("--client", nargs=2, metavar=("PORT", "FILE"), help=argparse.SUPPRESS)
    return parser.parse_args()


def plan_of(level: float, asked: argparse.Namespace) -> Plan:
    """The plan of a run at this many deliveries per second."""
    many = asked.subscribers
    arrivals = parse_arrivals(asked.arrivals)
    return Plan("chat", many, 1, level / many, asked.seconds, warmup_s=1.0, arrivals=arrivals)


def measure(level: float, asked: argparse.Namespace) -> Block:
    """Do one run in a separate process, against a fresh server, and print its row."""
    with tempfile.TemporaryDirectory(prefix="wsproof-saturation-") as folder:
        file = Path(folder) / "report.npz"
        with quick_server("chat", asked.subscribers) as port:
            words = ["--client", str(port), str(file), "--levels", str(level), "--seconds", str(asked.seconds)]
            words += ["--subscribers", str(asked.subscribers), "--arrivals", asked.arrivals]
            with capture(port, Path(folder) / "wire.pcap", -(-asked.subscribers // CAPTURED)) as wire:
                client = subprocess.Popen(
                    [sys.executable, "-m", "benchmarks.saturation", *words], stdout=subprocess.PIPE, text=True
                )
                put_on_core(client.pid, 1)
                said, _ = client.communicate()
        block = compare(level, json.loads(said), Report.load(file), wire)
    show(block)
    return block


def perform(port: int, plan: Plan, file: Path) -> None:
    """Do the run, save its report, and write its figures and void codes to stdout as JSON."""
    measurement = run_plan(plan, channels="tutorial", settings={}, endpoint=Endpoint("127.0.0.1", port))
    report_of_engine(as_intended(measurement)).save(file)
    metrics = summaries(measurement)
    said = {
        "delivered_hz": metrics["deliveries_per_s"].value,
        "generator_cpu": metrics["generator_cpu"].max,
        "lag_max": metrics["loop_lag"].max,
        "voiding": [caution.code for caution in judge_trust(measurement) if voids_judged(caution)],
    }
    say(json.dumps(said))


def as_intended(measurement: Measurement) -> Measurement:
    """The measurement with send times set to the intended ones, so that slip is part of the latency."""
    published = measurement.history.publications
    sent_ns = np.where(published.sent_ns > 0, published.intended_ns, 0)
    history = replace(measurement.history, publications=replace(published, sent_ns=sent_ns))
    return replace(measurement, history=history)


def compare(level: float, said: dict[str, object], report: Report, wire: Wire) -> Block:
    """Compare the run's report with the packets on the wire."""
    pairs = match(report, wire)

    def number(name: str) -> float:
        value = said[name]
        return float(value) if isinstance(value, int | float) else float("nan")

    voiding = said["voiding"]
    assert isinstance(voiding, list)
    return Block(
        offered_hz=level,
        delivered_hz=number("delivered_hz"),
        reported_p99=quantile(pairs.reported_ns, 99) / MS,
        wire_p99=quantile(pairs.real_ns, 99) / MS,
        added_p50=quantile(pairs.added_ns, 50) / MS,
        added_p99=quantile(pairs.added_ns, 99) / MS,
        generator_cpu=number("generator_cpu"),
        lag_max=number("lag_max") / MS,
        voiding=voiding,
        dropped=wire.dropped,
    )


def show(block: Block) -> None:
    times = (block.reported_p99, block.wire_p99)
    cells = [f"{block.offered_hz:,.0f}", f"{block.delivered_hz:,.0f}", *(f"{time:.2f}" for time in times)]
    cells += ["yes" if block.departs else "no", f"{block.added_p50:.2f}", f"{block.added_p99:.2f}"]
    cells += [f"{block.generator_cpu:.0%}", f"{block.lag_max:.2f}", ", ".join(block.voiding) or "trusted"]
    say(f"| {' | '.join(cells)} |" + (f" ({block.dropped} packets not captured)" if block.dropped else ""))


def print_verdicts(blocks: list[Block]) -> None:
    """Print how many departing runs were trusted, and for each level how many were called untrusted."""
    missed = [block for block in blocks if block.departs and not block.untrusted]
    say(f"\nDeparted and trusted: {len(missed)} of {len(blocks)} runs.\n")
    say("| offered/s | runs | departed | untrusted | both | why |\n|" + " ---: |" * 5 + " --- |")
    for level in sorted({block.offered_hz for block in blocks}):
        own = [block for block in blocks if block.offered_hz == level]
        both = sum(block.departs and block.untrusted for block in own)
        counts = (sum(block.departs for block in own), sum(block.untrusted for block in own), both)
        why = ", ".join(sorted({code for block in own for code in block.voiding})) or "–"
        say(f"| {level:,.0f} | {len(own)} | {' | '.join(map(str, counts))} | {why} |")


if __name__ == "__main__":
    main()
