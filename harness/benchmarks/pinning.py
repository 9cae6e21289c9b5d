"""Effect of pinning server and engine to separate cores: the same load, pinned and not pinned, in turn.

    python -m benchmarks.pinning [--blocks 5] [--duration 4] [--rates 100 400] [--servers uvicorn-direct auto]

The load is 100 subscribers of the reference server's chat, with one publisher and Poisson arrivals. Pinned is the
engine's default. Without pinning (`--no-pin`), the system places the processes. Every run has a fresh server. The order
of the two modes alternates from block to block.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.progress_line import say
from wsproof.load import run_plan
from wsproof.model.arrivals import POISSON
from wsproof.model.plan import Plan
from wsproof.stats.compared_metrics import voids_judged
from wsproof.stats.metrics import METRICS_BY_NAME, Observed
from wsproof.stats.trust import judge_trust
from wsproof.target.server import serve
from wsproof.target.target import parse_target

ROOT = Path(__file__).parents[2]
WAYS = ("free", "pinned")
SHOWN = {"latency p50": ("latency", 50), "latency p99": ("latency", 99), "slip p99": ("schedule_slip", 99)}
MS = 1e6
Row = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--duration", type=float, default=4.0)
    parser.add_argument("--rates", type=float, nargs="+", default=[100.0, 400.0])
    parser.add_argument("--servers", nargs="+", default=["uvicorn-direct", "auto"])
    asked = parser.parse_args()
    for server in asked.servers:
        for rate_hz in asked.rates:
            plan = Plan(rate_hz=rate_hz, duration_s=asked.duration, warmup_s=1.0, arrivals=POISSON)
            rows: dict[str, list[Row]] = {way: [] for way in WAYS}
            for block in range(asked.blocks):
                for way in WAYS if block % 2 == 0 else WAYS[::-1]:
                    rows[way].append(measure(server, plan, pinned=way == "pinned"))
            show(f"{server}, {rate_hz:g} publications a second", rows)


def measure(name: str, plan: Plan, *, pinned: bool) -> Row:
    """Do one run on a fresh server. Returns its figures; times are in ms."""
    with serve(parse_target("target_app.main:app", server=name, cwd=ROOT)) as server:
        measured = run_plan(
            replace(plan, pin=pinned), channels="tutorial", settings={}, endpoint=server.endpoint, server=server
        )
    observed = Observed(measured)
    lag = measured.generator.loop_lag_ns
    row = {"lag p99": float(np.percentile(lag, 99)) / MS, "lag max": float(lag.max()) / MS}
    for title, (metric, percent) in SHOWN.items():
        values = METRICS_BY_NAME[metric].compute(observed)
        row[title] = float(np.percentile(values, percent)) / MS if values is not None and len(values) else float("nan")
    row["engine CPU, %"] = 100 * float(measured.generator.cpu_share.max())
    row["untrusted"] = float(any(voids_judged(caution) for caution in judge_trust(measured)))
    return row


def show(title: str, rows: dict[str, list[Row]]) -> None:
    """Print a line per figure: median (minimum-maximum) in both modes, and the ratio pinned / free within blocks."""
    say(f"\n{title}, ms; median (least-most); the ratio is pinned / free in the same block")
    for figure in rows["free"][0]:
        free, pinned = ([row[figure] for row in rows[way]] for way in WAYS)
        cells = [f"{median(values):8.2f} ({min(values):.2f}-{max(values):.2f})" for values in (free, pinned)]
        ratios = [after / before for before, after in zip(free, pinned, strict=True) if before]
        ratio = f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})" if len(ratios) == len(free) else ""
        say(f"{figure:14} free {cells[0]:26} pinned {cells[1]:26} {ratio}")


if __name__ == "__main__":
    main()
