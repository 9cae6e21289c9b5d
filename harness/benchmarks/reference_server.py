"""Costs of the reference server: naive loop, standard ASGI and direct writes, measured in turn in one run.

    python harness/benchmarks/reference_server.py [--blocks 5] [--seconds 1.5] [--only stop]

Prints a Markdown table. A cell is the median of the blocks, with minimum and maximum. Read CPU per delivery first.
Deliveries per second also depend on the number of cores that the machine has left for the members.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

import numpy as np
import psutil

from benchmarks.raw_members import Room, enter
from wsproof.load.meter import ServerMeter
from wsproof.target.server import RunningServer, serve
from wsproof.target.target import parse_target

ROOT = Path(__file__).parents[2]
QUIET = "--log-level warning --no-access-log --ws-ping-interval 3600 --ws-per-message-deflate false"
SERVERS = {
    "naive": "target_app.naive:app --ws websockets-sansio",
    "standard": "target_app.main:app --ws websockets-sansio",
    "direct": "target_app.main:app --ws target_app.direct:DirectWSProtocol",
}
TEXT = "x" * 120
BIG_TEXT = "x" * 16_000
STALLED, HEALTHY = 100, 500
NEIGHBOURS, LISTENERS, RATE_HZ = 10, 200, 40
TIMES = 3
"""Number of runs of the `stop` and `evict` measurements, per server."""

Cells = dict[tuple[str, str], list[float]]


@contextmanager
def started(name: str, env: Mapping[str, str] | None = None) -> Iterator[RunningServer]:
    command = f"cmd:'{sys.executable}' -m uvicorn {SERVERS[name]} --host 127.0.0.1 --port {{port}} {QUIET}"
    target = parse_target(command, ready="http://127.0.0.1:{port}/healthz", cwd=ROOT)
    with serve(target, extra_env=env) as server:
        yield server


@dataclass
class Bench:
    """The measurements, with their figures by row of the table and server."""

    blocks: int
    seconds: float
    cells: Cells = field(default_factory=dict)

    def note(self, row: str, name: str, value: float) -> None:
        self.cells.setdefault((row, name), []).append(value)

    def fan_out(self) -> None:
        """Measure CPU per delivery and deliveries per second. The servers use one core, the members the others."""
        with ExitStack() as stack:
            servers = {name: stack.enter_context(started(name)) for name in SERVERS}
            _apart(servers.values())
            rooms = {name: Room.open(server.endpoint) for name, server in servers.items()}
            owed = dict.fromkeys(SERVERS, 0)
            for members in (100, 1000):
                for name, room in rooms.items():
                    before = _memory_kib(servers[name])
                    room.grow(members)
                    room.read_bytes = dict.fromkeys(room.members, 0)
                    owed[name] = 0
                    if members == 1000:
                        self.note("KiB per idle connection", name, (_memory_kib(servers[name]) - before) / 900)
                for block in range(self.blocks):
                    for name in _rotated(block):
                        for per_tick in (1, 10):
                            owed[name] += self._ticks(servers[name], rooms[name], name, per_tick, owed[name])
            for room in rooms.values():
                room.close()

    def _ticks(self, server: RunningServer, room: Room, name: str, per_tick: int, already: int) -> int:
        """Publish for `seconds`. Each tick begins when the last member has received the previous one.

        Returns the bytes that each member was sent.
        """
        assert server.pid is not None
        owed, ticks = already, 0
        for _ in range(3):  # warm caches and buffers
            owed += room.say(TEXT, per_tick)
            room.read_until(owed)
        meter = ServerMeter(server.pid)
        with room.audience() as audience:
            meter.sample(len(room.members))
            began = time.monotonic()
            while time.monotonic() - began < self.seconds:
                owed += room.say(TEXT, per_tick)
                room.read_last_until(owed)
                ticks += 1
            elapsed = time.monotonic() - began
            meter.sample(len(room.members))
            room.collect(audience, owed)
        deliveries = ticks * per_tick * len(room.members)
        used = meter.usage().cpu_ns
        where = f"{len(room.members):,} members, {per_tick} a tick"
        self.note(f"µs CPU per delivery: {where}", name, float(used[-1] - used[0]) / 1000 / deliveries)
        self.note(f"deliveries per second: {where}", name, deliveries / elapsed)
        self.note(f"server's share of a core, %: {where}", name, float(used[-1] - used[0]) / elapsed / 1e7)
        return owed - already

    def evict(self, name: str) -> None:
        """Measure the seconds until 100 members that never read are evicted, while 500 healthy ones lose nothing."""
        with started(name) as server:
            _apart([server])
            room = Room.open(server.endpoint)
            room.grow(HEALTHY)
            sleepers = [enter(server.endpoint, f"s{number:05d}", 2048) for number in range(STALLED)]
            goodbye = len(f"Client #s{0:05d} left the chat") + 2
            began, owed, gone = time.monotonic(), 0, 0
            while gone < STALLED:
                owed += room.say(BIG_TEXT)
                floor = owed

                def all_have_it(floor: int = floor) -> bool:
                    return all(read >= floor for read in room.read_bytes.values())

                while not all_have_it():
                    room.read(1.0)
                # All bytes beyond the publications are leave notices of the stalled members.
                gone = (min(room.read_bytes.values()) - owed) // goodbye
            self.note(
                f"s until {STALLED} stalled are gone, {HEALTHY} healthy lose nothing", name, time.monotonic() - began
            )
            room.read_until(owed + STALLED * goodbye)
            for sleeper in sleepers:
                sleeper.abort()
            room.close()

    def stop(self, name: str) -> None:
        """Measure the seconds from SIGTERM to the server's exit. All 1,000 members answer their close frame."""
        with started(name) as server:
            room = Room.open(server.endpoint)
            room.grow(999)
            assert server.pid is not None
            workers = psutil.Process(server.pid)
            began = time.monotonic()
            workers.send_signal(signal.SIGTERM)
            room.leave_when_told()
            psutil.wait_procs([workers], timeout=30)
            self.note("s from SIGTERM to exit, 1,000 connections", name, time.monotonic() - began)
            room.close()

    def neighbours(self, name: str) -> None:
        """Measure the p99 latency of healthy members with and without stalled members beside them, in turn."""
        names = ("OUTBOX_BYTES", "WRITE_TIMEOUT", "PING_TIMEOUT")  # so high that stalled members are never evicted
        patient = dict(zip((f"TARGET_APP_{name}" for name in names), ("256000000", "3600", "3600"), strict=True))
        with started(name, patient) as crowded, started(name, patient) as free:
            _apart([crowded, free])
            rooms = [Room.open(server.endpoint) for server in (crowded, free)]
            sleepers = [enter(crowded.endpoint, f"s{number}", 2048) for number in range(NEIGHBOURS)]
            owed = [0, 0]
            for index, room in enumerate(rooms):
                room.grow(LISTENERS)
                for _ in range(250):  # 4 MB, more than the kernel buffers for a member that does not read
                    owed[index] += room.say(BIG_TEXT)
                    room.read_until(owed[index])
            for block in range(self.blocks * 2):
                p99 = [0.0, 0.0]
                for index in (0, 1) if block % 2 else (1, 0):
                    latencies, owed[index] = _paced(rooms[index], owed[index], self.seconds)
                    p99[index] = float(np.percentile(latencies, 99))
                self.note(f"p99 ms, {LISTENERS} members, {NEIGHBOURS} stalled", name, p99[0] * 1000)
                self.note(f"p99 ms, {LISTENERS} members, none stalled", name, p99[1] * 1000)
                self.note("p99 with / without stalled", name, p99[0] / p99[1])
            for sleeper in sleepers:
                sleeper.abort()
            for room in rooms:
                room.close()

    def table(self) -> str:
        lines = ["| | " + " | ".join(SERVERS) + " |", "| --- |" + " --- |" * len(SERVERS)]
        for row in dict.fromkeys(row for row, _ in self.cells):
            lines.append(f"| {row} | " + " | ".join(_cell(self.cells.get((row, name))) for name in SERVERS) + " |")
        return "\n".join(lines)

    def ratios(self) -> str:
        """The gain of direct over naive, as ratios within each block."""
        lines = []
        for row in dict.fromkeys(row for row, _ in self.cells if row.startswith(("µs CPU", "deliveries"))):
            naive, direct = (np.array(self.cells[row, name]) for name in ("naive", "direct"))
            ratio = naive / direct if row.startswith("µs") else direct / naive
            lines.append(f"- direct against naive, {row}: {_cell(list(ratio))} times as good")
        return "\n".join(lines)


def _paced(room: Room, owed: int, seconds: float) -> tuple[list[float], int]:
    """Publish at a fixed rate, as an open loop. Returns the latency in s of each delivery, and the expected bytes."""
    latencies: list[float] = []
    size = len(f"Client #speaker says: {TEXT}") + 4
    sent: list[float] = []
    heard_of = dict.fromkeys(room.members, 0)

    def heard(descriptor: int, total: int) -> None:
        now = time.monotonic()
        while heard_of[descriptor] < (total - owed) // size:
            latencies.append(now - sent[heard_of[descriptor]])
            heard_of[descriptor] += 1

    began = time.monotonic()
    for tick in range(int(seconds * RATE_HZ)):
        due = began + tick / RATE_HZ
        while (wait := due - time.monotonic()) > 0:
            room.read(wait, heard)
        sent.append(due)
        room.say(TEXT)
    while min(heard_of.values()) < len(sent):
        room.read(1.0, heard)
    return latencies, owed + len(sent) * size


def _rotated(block: int) -> list[str]:
    names = list(SERVERS)
    return names[block % len(names) :] + names[: block % len(names)]


def _apart(servers: Iterable[RunningServer]) -> None:
    """Pin the servers to one core and this process to the others. Does nothing on a single core.

    The servers can share a core, since they are measured in turn.
    """
    first, *others = sorted(os.sched_getaffinity(0))
    if others:
        os.sched_setaffinity(0, others)
        for server in servers:
            assert server.pid is not None
            psutil.Process(server.pid).cpu_affinity([first])


def _memory_kib(server: RunningServer) -> float:
    assert server.pid is not None
    meter = ServerMeter(server.pid)
    meter.sample(0)
    return float(meter.usage().memory_bytes[-1]) / 1024


def _cell(values: list[float] | None) -> str:
    if not values:
        return "–"
    if len(values) == 1:
        return f"{values[0]:,.3g}"
    middle, least, most = (
        f"{value:,.0f}" if value >= 100 else f"{value:.3g}" for value in (median(values), min(values), max(values))
    )
    return f"{middle} ({least}–{most})"


def main() -> None:
    parser = argparse.ArgumentParser(description="What the reference server costs.")
    parser.add_argument("--blocks", type=int, default=5, help="how often each server has its turn (default 5)")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of one measurement (default 1.5)")
    parser.add_argument("--only", choices=["fan_out", "evict", "stop", "neighbours"], action="append")
    arguments = parser.parse_args()
    bench = Bench(arguments.blocks, arguments.seconds)
    wanted = arguments.only or ["fan_out", "evict", "stop", "neighbours"]
    if "fan_out" in wanted:
        bench.fan_out()
    for what, names, times in (
        ("stop", ("naive", "standard", "direct"), TIMES),
        ("evict", ("standard", "direct"), TIMES),
        ("neighbours", ("standard", "direct"), 1),
    ):
        for name in names * times if what in wanted else ():
            print(f"{what}: {name}", file=sys.stderr)  # noqa: T201
            getattr(bench, what)(name)
    versions = ", ".join(
        f"{package} {version(package)}" for package in ("uvicorn", "websockets", "starlette", "uvloop")
    )
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {sys.version.split()[0]}, {versions}, {psutil.cpu_count()} cores\n")  # noqa: T201
    print(bench.table(), bench.ratios(), sep="\n\n")  # noqa: T201


if __name__ == "__main__":
    main()
