"""What does it cost to receive a message? The engine against a C reader, `websockets`, and Locust's usual way.

    python -m benchmarks.receiving [--blocks 9] [--connections 100 1000] [--readers wsproof websockets]

Two ways of sending: *single*, 20,000 messages a second, about one to a read, as a broadcast arrives; and *batched*, 64
to a send as fast as they are taken. Readers take turns, block by block, each in a fresh process; what counts is the CPU
time of the reader, which others on the machine disturb less than the clock. The engine records every receipt (member,
message, time), verifies each distinct message, and writes it all to disk.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from benchmarks.line import say

NAMES = ("C epoll", "wsproof", "websockets", "Locust")
OTHERS = ("picows", "npm ws")
"""Only when asked for: picows installed beside wsproof, and npm's ws (`rivals/npm_ws`) where WSPROOF_NPM says."""
RATE_HZ = 20_000


@dataclass(frozen=True)
class Way:
    """A way of sending: `frames` per send; the time from one send to the next; how many messages in all."""

    name: str
    frames: int
    gap_ns: float
    messages: int


WAYS = (Way("single", 1, 1e9 / RATE_HZ, 60_000), Way("batched", 64, 0.0, 1_280_000))


def main() -> None:
    asked = arguments()
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for way in WAYS:
        for connections in asked.connections:
            costs: dict[str, list[dict[str, float]]] = {name: [] for name in asked.readers}
            for block in range(asked.blocks):
                turn = block % len(asked.readers)
                for name in (*asked.readers[turn:], *asked.readers[:turn]):
                    costs[name].append(measure(name, way, connections))
            show(way, connections, costs)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--blocks", type=int, default=9, help="how many times each reader takes its turn (9)")
    parser.add_argument("--connections", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--readers", nargs="+", choices=NAMES + OTHERS, default=list(NAMES))
    return parser.parse_args()


def measure(name: str, way: Way, connections: int) -> dict[str, float]:
    """One block: a fresh sender, a fresh reader; what the reader says of itself, per message in µs."""
    rounds = max(way.messages // (connections * way.frames), 1)
    frames = rounds * way.frames * connections
    with process("sender", connections, rounds, way.frames, way.gap_ns, core=0) as sender:
        port = said(sender)
        with process("readers", name, port, connections, frames, core=1) as reader:
            said(reader)
            tell(sender)
            cost = json.loads(said(reader))
            tell(sender)
            reader.wait()
    if cost["frames"] != frames:
        sys.exit(f"{name} read {cost['frames']:.0f} of {frames} messages")
    return {what: 1e6 * spent / frames for what, spent in cost.items() if what.endswith("_s")}


@contextmanager
def process(*words: object, core: int) -> Iterator[subprocess.Popen[str]]:
    """A module of this folder at work, on a core of its own where that can be had."""
    command = [sys.executable, "-m", f"benchmarks.receiving.{words[0]}", *map(str, words[1:])]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    if hasattr(os, "sched_setaffinity") and len(os.sched_getaffinity(0)) > 1:
        os.sched_setaffinity(started.pid, {sorted(os.sched_getaffinity(0))[core]})
    try:
        yield started
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate()


def said(child: subprocess.Popen[str]) -> str:
    """The next line of a child."""
    assert child.stdout is not None
    line = child.stdout.readline()
    if not line:
        sys.exit(f"{child.args!r} ended without an answer")
    return line.strip()


def tell(child: subprocess.Popen[str]) -> None:
    """Let a child go on."""
    assert child.stdin is not None
    child.stdin.write("\n")
    child.stdin.flush()


def show(way: Way, connections: int, costs: dict[str, list[dict[str, float]]]) -> None:
    """A table: the median over the blocks, the smallest and the largest, and the median of the ratios to C."""
    say(f"\n{way.name}, {connections} connections, µs of CPU per message")
    say(f"{'reader':12} {'median':>8} {'min':>8} {'max':>8} {'msgs per CPU-second':>20} {'of C':>6}")
    for name, blocks in costs.items():
        spent = [block["cpu_s"] for block in blocks]
        line = f"{name:12} {median(spent):8.2f} {min(spent):8.2f} {max(spent):8.2f} {1e6 / median(spent):20,.0f}"
        say(line + (f" {ratio(costs, name):6.2f}" if "C epoll" in costs else ""))
        for what, title in (("merge_s", "joining the records"), ("checks_s", "all checks")):
            if what in blocks[0]:
                after = [block[what] for block in blocks]
                say(f"    then {title}: {median(after):.2f} ({min(after):.2f}-{max(after):.2f})")


def ratio(costs: dict[str, list[dict[str, float]]], name: str) -> float:
    """How many messages it reads while C reads one, block by block."""
    pairs: Sequence[tuple[dict[str, float], dict[str, float]]] = list(zip(costs["C epoll"], costs[name], strict=True))
    return median(c["cpu_s"] / own["cpu_s"] for c, own in pairs)


if __name__ == "__main__":
    main()
