"""Time per receipt and memory of the record, the checks and the metrics of a long run.

    python -m benchmarks.history_memory [--subscribers 1000] [--publications 5000] [--trouble]

The benchmark generates the worker's files of such a run, in which each publication reaches each subscriber within some
ms. With `--trouble`, a few deliveries are lost, duplicated or out of order. Then the parent's work is done step by
step. `anonymous` is a step's peak of memory that only this process can free. Pages of files do not count, since the
kernel can evict them. A run of 10 minutes at 50,000 deliveries per second is `--publications 30000`: 30 million
receipts, 3 GB of disk.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np

from wsproof import Measurement
from wsproof.checks import run_checks
from wsproof.load.drain import OutstandingReceipts
from wsproof.load.files.columns import table_path
from wsproof.load.files.history import save_history
from wsproof.load.files.merge import merge
from wsproof.load.files.worker_files import Records
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.model.history import Kind
from wsproof.model.measurement import GeneratorUsage
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase, Plan
from wsproof.report.charts.series import series_of
from wsproof.stats.metrics import summaries
from wsproof.stats.trust import judge_trust
from wsproof.workloads import load_channels

MB = 1e6
RATE_HZ = 50
BEGAN_NS = 1_000 * NS
Made = TypeVar("Made")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--subscribers", type=int, default=1000)
    parser.add_argument("--publications", type=int, default=5000)
    parser.add_argument("--trouble", action="store_true", help="plant some losses, repeats and inversions")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wsproof-keeping-") as folder:
        follow(Path(folder), asked.subscribers, asked.publications, trouble=asked.trouble)


def follow(folder: Path, subscribers: int, publications: int, *, trouble: bool) -> None:
    """Write the files of a run, and time the steps that the parent takes after a run."""
    receipts = write_run(folder, subscribers, publications, trouble=trouble)
    say(f"{receipts:,} receipts, {anonymous_mb():.0f} MB before the first step\n")
    say(f"{'step':16} {'s':>8} {'us per receipt':>15} {'anonymous, MB':>14} {'bytes per receipt':>18}\n")

    def step(name: str, work: Callable[[], Made]) -> Made:
        before, began = anonymous_mb(), time.monotonic()
        with peak() as most:
            made = work()
        took, grown = time.monotonic() - began, most[0] - before
        per = f"{took / receipts * 1e6:15.3f} {most[0]:14.0f} {grown * MB / receipts:18.1f}"
        say(f"{name:16} {took:8.2f} {per}\n")
        return made

    workload = load_channels("tutorial", {})["chat"]
    contract = workload.contract
    records = Records(folder, 1)
    drained_ns = BEGAN_NS + (publications // RATE_HZ + 10) * NS
    missing = step("drain", lambda: OutstandingReceipts(records, contract, subscribers).update())
    history = step(
        "merge",
        lambda: merge(
            records,
            workload,
            subscribers,
            start_ns=BEGAN_NS,
            end_ns=BEGAN_NS + publications // RATE_HZ * NS,
            drained_ns=drained_ns,
        ),
    )
    step("save", lambda: save_history(history, folder))
    findings = step("checks", lambda: run_checks(history, contract))
    plan = Plan("chat", subscribers, rate_hz=RATE_HZ, duration_s=publications / RATE_HZ)
    measurement = Measurement(plan, contract, history, GeneratorUsage(loop="uvloop"))
    metrics = step("metrics", lambda: summaries(measurement))
    step("trust", lambda: judge_trust(measurement))
    step("series", lambda: series_of(measurement))
    latency = metrics["latency"]
    say(f"{missing} missing; {latency.n:,} latencies, p50 {latency.p50}, p99 {latency.p99}, max {latency.max}\n")
    for finding in findings:
        say(f"{finding.check}: {finding.occurrences} times. {finding.explanation}\n")


def write_run(folder: Path, subscribers: int, publications: int, *, trouble: bool) -> int:
    """Write a worker's files of a run in which member 0 publishes. Returns the number of receipts."""
    random = np.random.default_rng(1)
    recorder = WorkerRecorder(folder, 0, load_channels("tutorial", {})["chat"])
    for member in range(subscribers):
        recorder.opened(member, 1_000_000, BEGAN_NS - 2 * NS)
    gap_ns = NS // RATE_HZ
    written = 0
    recorder.settle()
    with table_path(folder, 0, "messages").open("ab") as messages, table_path(folder, 0, "receipts").open("ab") as rows:
        for number in range(-1, publications):  # the first is the probe, which makes every member present
            at_ns = BEGAN_NS + number * gap_ns
            recorder.published(0, number + 1, at_ns, at_ns, Phase.MEASURED if number >= 0 else Phase.PROBE)
            kinds = np.array([[0, number + 1, at_ns, kind, 1] for kind in (Kind.REPLY, Kind.DELIVERY)], "<i8")
            messages.write(kinds.tobytes())
            who = random.permutation(subscribers)
            table = np.column_stack([who, np.full(subscribers, 2 * number + 3), at_ns + when(random, subscribers)])
            if trouble and number % 1000 == 999:
                table = np.vstack([table[2:], table[-1:]])
            if trouble and number % 1000 == 500:
                table[5, 1] -= 2
            written += len(table) + 1
            rows.write(np.array([[0, 2 * number + 2, at_ns + 1]], "<i8").tobytes() + table.astype("<i8").tobytes())
    recorder.close()
    return written


def when(random: np.random.Generator, subscribers: int) -> np.ndarray:
    """Random delays in ns from the publication to each receipt, ascending."""
    return np.sort(random.gamma(2.0, 3e6, subscribers).astype(np.int64))


def anonymous_mb(pid: int | str = "self") -> float:
    """Anonymous memory of a process in MB, without pages of files. 0 if the process is a zombie."""
    with Path(f"/proc/{pid}/status").open() as status:
        return next((int(line.split()[1]) * 1024 / MB for line in status if line.startswith("RssAnon")), 0.0)


@contextmanager
def peak() -> Iterator[list[float]]:
    """Yield a list whose only item is the peak of `anonymous_mb` during this block, sampled every 5 ms."""
    most, done = [anonymous_mb()], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            most[0] = max(most[0], anonymous_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        done.set()
        watcher.join()


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
