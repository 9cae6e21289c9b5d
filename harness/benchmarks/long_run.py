"""Memory of a long live run: `python -m benchmarks.long_run [--seconds 600] [--rate 50000]`.

A server in C broadcasts each publication to 100 subscribers, on a separate core. The other core runs, checks and
summarizes the run, as `wsproof bench` does. Anonymous memory, which only the process itself can free, is read once a
second for the parent and the worker. The table has ten samples and the peak. A receipt takes 24 bytes of disk.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from benchmarks.history_memory import MB, anonymous_mb
from benchmarks.pinned import on_core
from benchmarks.progress_line import say
from benchmarks.quick_server.running import quick_server
from wsproof.checks import run_checks
from wsproof.load import run_plan
from wsproof.model.plan import Plan
from wsproof.net.endpoint import Endpoint
from wsproof.stats.metrics import summaries
from wsproof.stats.trust import judge_trust

SUBSCRIBERS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0, help="length of the run's window (600)")
    parser.add_argument("--rate", type=float, default=50_000.0, help="deliveries per second (50,000)")
    asked = parser.parse_args()
    plan = Plan("chat", SUBSCRIBERS, 1, asked.rate / SUBSCRIBERS, asked.seconds, warmup_s=1.0)
    with tempfile.TemporaryDirectory(prefix="wsproof-long-") as folder, quick_server("chat", SUBSCRIBERS) as port:
        with on_core(1), memory() as watched:
            perform(plan, port, Path(folder))
        show(watched)


def perform(plan: Plan, port: int, folder: Path) -> None:
    """Do the run, its checks and its metrics, and print their times and figures."""
    began = time.monotonic()
    measurement = run_plan(plan, channels="tutorial", settings={}, endpoint=Endpoint("127.0.0.1", port), columns=folder)
    ran = time.monotonic()
    findings = run_checks(measurement.history, measurement.contract)
    checked = time.monotonic()
    figures, cautions = summaries(measurement), judge_trust(measurement)
    receipts = len(measurement.history.receipts.received_ns)
    disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    say(f"{receipts:,} receipts, {figures['deliveries_per_s'].value:,.0f} deliveries/s, reach {figures['reach'].value}")
    say(f"run {ran - began:.0f} s, checks {checked - ran:.0f} s, metrics {time.monotonic() - checked:.0f} s")
    say(f"{disk / MB:,.0f} MB of disk; findings: {len(findings)}; cautions: {[caution.code for caution in cautions]}")
    say(f"latency p50 {figures['latency'].p50}, p99 {figures['latency'].p99} ns")
    say(f"generator CPU at most {figures['generator_cpu'].max:.0%}")


@contextmanager
def memory() -> Iterator[list[tuple[float, float, float]]]:
    """Yield a list that gets one sample per second: (elapsed s, MB of this process, MB of the workers)."""
    here, done, began = psutil.Process(), threading.Event(), time.monotonic()
    seen: list[tuple[float, float, float]] = []

    def watch() -> None:
        while not done.wait(1.0):
            seen.append((time.monotonic() - began, anonymous_mb(), sum(workers_mb(here))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        done.set()
        watcher.join()


def workers_mb(parent: psutil.Process) -> list[float]:
    """Anonymous memory in MB of each running worker process of the engine."""
    found = []
    for child in parent.children():
        with suppress(psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):  # the process ends at this moment
            if "wsproof.load.worker.process" in child.cmdline():
                found.append(anonymous_mb(child.pid))
    return found


def show(watched: list[tuple[float, float, float]]) -> None:
    say(f"\n{'after, s':>10} {'parent, MB':>12} {'worker, MB':>12}")
    for at_s, parent, worker in watched[:: max(1, len(watched) // 10)]:
        say(f"{at_s:10.0f} {parent:12.0f} {worker:12.0f}")
    say(f"{'at most':>10} {max(row[1] for row in watched):12.0f} {max(row[2] for row in watched):12.0f}")


if __name__ == "__main__":
    main()
