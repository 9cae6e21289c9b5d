"""CPU cost of sampling a server's usage: `python -m benchmarks.metering [--seconds 10] [--megabytes 10 150]`.

Trees of idle processes, each with threads and memory, are sampled as often as the engine samples a server
(`wsproof.load.run.SAMPLE_S`). One way reads everything each time. The other limits expensive readings, as the engine
does. The cost is the CPU time of the sampling thread, as a share of a core.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import thread_time_ns

from benchmarks.progress_line import say
from wsproof.load.meter import ServerMeter
from wsproof.load.run import SAMPLE_S
from wsproof.machine.usage import TreeMeter
from wsproof.model.nanoseconds import NS
from wsproof.net.clock import Deadline, now_ns

IDLER = """
import subprocess, sys, threading
children, megabytes, threads = map(int, sys.argv[1:])
kept = b"x" * (megabytes * 1_000_000)
for _ in range(threads - 1):
    threading.Thread(target=threading.Event().wait, daemon=True).start()
command = [sys.executable, "-c", sys.orig_argv[2], "0", str(megabytes), str(threads)]
pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
below = [subprocess.Popen(command, **pipes) for _ in range(children)]
for child in below:
    child.stdout.readline()
print("up", flush=True)
sys.stdin.read()
for child in below:
    child.communicate()
"""
"""Source of an idle process tree. Each process lives until its standard input is closed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 4, 16], help="in the tree (1 4 16)")
    parser.add_argument("--megabytes", type=int, nargs="+", default=[10, 150], help="kept by each (10 150)")
    parser.add_argument("--threads", type=int, default=4, help="of each (4)")
    parser.add_argument("--seconds", type=float, default=10.0, help="for each way to sample (10)")
    asked = parser.parse_args()
    say(f"{asked.threads} threads a process, sampled every {SAMPLE_S:g} s for {asked.seconds:g} s\n")
    say("| processes | MB of each | memory read once | everything each time | as the engine does | its samples |")
    say("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for processes in asked.processes:
        for megabytes in asked.megabytes:
            with tree_of(processes, megabytes, asked.threads) as pid:
                say(row(pid, processes, megabytes, asked.seconds))


@contextmanager
def tree_of(processes: int, megabytes: int, threads: int) -> Iterator[int]:
    """Run a tree of idle processes during this block. Yields the process id of its root."""
    command = [sys.executable, "-c", IDLER, str(processes - 1), str(megabytes), str(threads)]
    root = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert root.stdout is not None
    try:
        root.stdout.readline()
        yield root.pid
    finally:
        root.communicate()


def row(pid: int, processes: int, megabytes: int, seconds: float) -> str:
    """Measure one tree in both ways. Returns its row of the table."""
    tree = TreeMeter(pid, list_every_ns=3600 * NS)
    tree.memory_bytes()  # the first call also lists the tree's processes
    before_ns = thread_time_ns()
    tree.memory_bytes()
    once_ms = (thread_time_ns() - before_ns) / 1e6
    whole, sparing = ServerMeter(pid), ServerMeter(pid)
    each_time = share_of(lambda: whole.sample(0), seconds)
    sparingly = share_of(lambda: sparing.sample(0, sparing=True), seconds)
    samples = len(sparing.usage().at_ns) / seconds
    costs = f"{once_ms:.2f} ms | {each_time:.2%} | {sparingly:.2%}"
    return f"| {processes} | {megabytes} | {costs} | {samples:.1f}/s |"


def share_of(sample: Callable[[], None], seconds: float) -> float:
    """Sample for this many seconds. Returns the share of a core that the samples take."""
    began_ns, before_ns = now_ns(), thread_time_ns()
    over = Deadline.after(seconds)
    while not over.passed:
        sample()
        time.sleep(min(SAMPLE_S, over.remaining_s))
    return (thread_time_ns() - before_ns) / (now_ns() - began_ns)


if __name__ == "__main__":
    main()
