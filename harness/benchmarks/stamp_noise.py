"""Noise of latency between runs of one build, with the kernel's time and with the reader's own.

    python -m benchmarks.stamp_noise [--pairs 20] [--seconds 2] [--json FILE]

`wsproof compare` can only tell an effect that is larger than this noise. Each pair is two runs of the same load on two
fresh servers in C. The noise is the standard deviation of the logarithm of the ratio of their latencies. The two ways
to stamp take turns. `--json FILE` gets each pair as it comes, and the same command again goes on after the last one in
FILE.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np

from benchmarks import figures
from benchmarks.pinned import on_core
from benchmarks.progress_line import say
from benchmarks.quick_server.running import quick_server
from wsproof.load import run_plan
from wsproof.model.arrivals import POISSON
from wsproof.model.plan import Plan
from wsproof.net.endpoint import Endpoint
from wsproof.stats.metrics import Observed

WAYS = ("kernel", "process")
SECONDS_BESIDE = 2
"""Seconds that a run takes beside its window."""
SHARES = (50, 99)
UNSTAMPED = """
from wsproof.net import kernel_clock
kernel_clock.does_kernel_stamp = lambda: False
"""
"""What a worker process executes at its start, to stamp receipts itself."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--pairs", type=int, default=20, help="pairs of runs for each way to stamp (20)")
    parser.add_argument("--seconds", type=float, default=2.0, help="length of a run's window (2)")
    figures.add_options(parser)
    asked = parser.parse_args()
    if asked.table:
        show(figures.rows_of(asked.table))
        return
    plan = Plan("chat", 100, 1, 100.0, asked.seconds, warmup_s=0.5, drain_s=0.5, arrivals=POISSON)
    turns: list[figures.Row] = [{"pair": pair, "way": way} for pair in range(asked.pairs) for way in WAYS]
    rows = []
    for turn in figures.remaining(turns, asked.json, 2 * (asked.seconds + SECONDS_BESIDE)):
        with nullcontext() if turn["way"] == "kernel" else own_stamps():
            first, second = measure(plan), measure(plan)
        rows.append({**turn, "first_ns": first, "second_ns": second})
        figures.append(asked.json, rows[-1])
    show(figures.rows_of([asked.json]) if asked.json else rows)


@contextmanager
def own_stamps() -> Iterator[None]:
    """Let the worker processes that start in this block stamp receipts themselves."""
    before = os.environ.get("PYTHONPATH")
    with tempfile.TemporaryDirectory(prefix="wsproof-stamps-") as folder:
        (Path(folder) / "sitecustomize.py").write_text(UNSTAMPED)
        os.environ["PYTHONPATH"] = folder if before is None else f"{folder}:{before}"
        try:
            yield
        finally:
            del os.environ["PYTHONPATH"]
            if before is not None:
                os.environ["PYTHONPATH"] = before


def measure(plan: Plan) -> list[float]:
    """Do one run against a fresh server. Returns p50 and p99 of the latency, in ns."""
    with quick_server("chat", plan.subscribers) as port, on_core(1):
        measured = run_plan(plan, channels="tutorial", settings={}, endpoint=Endpoint("127.0.0.1", port))
    return [float(value) for value in np.percentile(Observed(measured).deliveries.latency_ns, SHARES)]


def show(rows: Sequence[figures.Row]) -> None:
    titles = ("stamps", "pairs", *(f"p{share}, µs | noise of p{share}" for share in SHARES))
    say(figures.markdown(" | ".join(titles).split(" | "), ([way, *cells(rows, way)] for way in WAYS)))


def cells(rows: Sequence[figures.Row], way: str) -> Iterator[str]:
    """The cells of a way to stamp: the number of pairs; for each percentile the latency, and its noise."""
    first, second = (np.array([row[run] for row in rows if row["way"] == way]) for run in ("first_ns", "second_ns"))
    yield str(len(first))
    for at in range(len(SHARES)) if len(first) else ():
        yield figures.cell([*first[:, at] / 1e3, *second[:, at] / 1e3], "{:,.0f}".format)
        yield f"{np.std(np.log(second[:, at] / first[:, at])):.1%}"


if __name__ == "__main__":
    main()
