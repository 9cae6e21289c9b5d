"""What does it cost to open a connection, and to hold it? The engine against other clients.

    python -m benchmarks.connecting [--blocks 9] [--connections 5000] [--clients wsproof websockets]

Clients take turns, block by block, each in a fresh process on a core of its own, against a small server (handshakes
in Python, one after the other). Handshakes are counted per second of the client's CPU; memory is what the process has
grown by (PSS) with all connections open and idle. The engine audits each answer.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

from benchmarks.pinned import put_on_core

AT_ONCE = 16
Cost = dict[str, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--blocks", type=int, default=9, help="how many times each client takes its turn (9)")
    parser.add_argument("--connections", type=int, default=5000)
    parser.add_argument("--clients", nargs="+", choices=CLIENTS, default=list(CLIENTS))
    parser.add_argument("--as", dest="role", metavar="CLIENT:PORT", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.role:
        name, _, port = asked.role.partition(":")
        CLIENTS[name](int(port), asked.connections)
        return
    costs: dict[str, list[Cost]] = {name: [] for name in asked.clients}
    for block in range(asked.blocks):
        turn = block % len(asked.clients)
        for name in (*asked.clients[turn:], *asked.clients[:turn]):
            costs[name].append(measure(name, asked.connections))
    show(costs)


def measure(name: str, connections: int) -> Cost:
    """One block: a fresh server, a fresh client."""
    count = str(connections)
    server = start("benchmarks.quick_server", "echo", count, core=0)
    try:
        assert server.stdout is not None
        role = f"{name}:{server.stdout.readline().strip()}"
        client = start("benchmarks.connecting", "--as", role, "--connections", count, core=1)
        told, _ = client.communicate(timeout=300)
        found: Cost = json.loads(told)
        return found
    finally:
        server.kill()
        server.communicate()


def start(module: str, *words: str, core: int) -> subprocess.Popen[str]:
    """A module at work on a core of its own, where that can be had."""
    process = subprocess.Popen([sys.executable, "-m", module, *words], stdout=subprocess.PIPE, text=True)
    put_on_core(process.pid, core)
    return process


def show(costs: dict[str, list[Cost]]) -> None:
    """A table: medians, smallest and largest; the ratio to the first, block by block."""
    say(f"{'client':18} {'handshakes per CPU-second':>34} {'KiB per connection':>24} {'ratio':>7}\n")
    first = next(iter(costs.values()))
    for name, blocks in costs.items():
        cells = []
        for what, form in (("per_cpu_s", "10,.0f"), ("kib", "8.1f")):
            values = [block[what] for block in blocks]
            cells.append(f"{median(values):{form}} ({min(values):,.1f}-{max(values):,.1f})")
        ratio = median(own["per_cpu_s"] / base["per_cpu_s"] for own, base in zip(blocks, first, strict=True))
        say(f"{name:18} {cells[0]:>34} {cells[1]:>24} {ratio:7.2f}\n")


class Meter:
    """What the process has used since this was made, told as the last line."""

    def __init__(self, connections: int) -> None:
        gc.collect()
        self._connections = connections
        self._kib = resident_kib()
        self._cpu_s = time.process_time()

    def tell(self) -> None:
        """All connections are open now."""
        cpu_s = time.process_time() - self._cpu_s
        gc.collect()
        kib = (resident_kib() - self._kib) / self._connections
        say(json.dumps({"per_cpu_s": self._connections / cpu_s, "kib": kib}) + "\n")


def resident_kib() -> float:
    """PSS of this process."""
    with Path("/proc/self/smaps_rollup").open() as rollup:
        return float(next(line.split()[1] for line in rollup if line.startswith("Pss:")))


def engine(port: int, connections: int) -> None:
    """wsproof's own connections, as a worker has them."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_engine(port, connections))


async def _engine(port: int, connections: int) -> None:
    from wsproof.load.connector import Connector
    from wsproof.load.ledger import Ledger
    from wsproof.load.worker_room import WorkerRoom
    from wsproof.net.clock import Deadline
    from wsproof.net.endpoint import Endpoint
    from wsproof.workloads import load_channels

    workload = load_channels("tutorial", {})["echo"]
    with tempfile.TemporaryDirectory(prefix="wsproof-connecting-") as folder:
        room = WorkerRoom(Ledger(Path(folder), 0, workload))
        connector = Connector(Endpoint("127.0.0.1", port), workload, room, buffered=False)
        meter = Meter(connections)
        await connector.connect_all(range(connections), Deadline.after(300))
        room.ledger.settle()
        if room.members_open != connections:
            sys.exit(f"only {room.members_open} of {connections} connected: {connector.faults[:1]}")
        meter.tell()
        for connection in room.members.values():
            connection.abort()


def websockets(port: int, connections: int) -> None:
    """The `websockets` client on uvloop."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_websockets(port, connections))


async def _websockets(port: int, connections: int) -> None:
    from websockets.asyncio.client import ClientConnection, connect

    opened: list[ClientConnection] = []
    waiting = iter(range(connections))

    async def one_by_one() -> None:
        for _ in waiting:
            url = f"ws://127.0.0.1:{port}/ws"
            opened.append(await connect(url, compression=None, ping_interval=None, proxy=None))

    meter = Meter(connections)
    await asyncio.gather(*(one_by_one() for _ in range(AT_ONCE)))
    meter.tell()
    for connection in opened:
        connection.transport.abort()


def websocket_client(port: int, connections: int) -> None:
    """websocket-client under gevent, with a greenlet per connection that waits for a message, as Locust has it."""
    from gevent import monkey

    monkey.patch_all()
    import gevent
    from gevent.pool import Pool
    from websocket import WebSocket, create_connection

    opened: list[WebSocket] = []
    meter = Meter(connections)
    pool = Pool(AT_ONCE)
    for _ in range(connections):
        pool.spawn(lambda: opened.append(create_connection(f"ws://127.0.0.1:{port}/ws")))
    pool.join()
    listening = [gevent.spawn(connection.recv) for connection in opened]
    gevent.sleep(0)
    meter.tell()
    gevent.killall(listening)


CLIENTS: dict[str, Callable[[int, int], None]] = {
    "wsproof": engine,
    "websockets": websockets,
    "websocket-client": websocket_client,
}


def say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
