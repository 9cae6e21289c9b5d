"""Clients that are measured, each in a process: `python -m benchmarks.connecting.clients NAME PORT CONNECTIONS`.

Each client opens its connections, and then prints the handshakes per CPU-second and the KiB per connection.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.compiled import compiled
from benchmarks.connecting.meter import Meter
from benchmarks.rivals import installed

AT_ONCE = 16


def c_client(port: int, connections: int) -> None:
    """A minimal client in C: one key for all connections, and no check of the accept value."""
    opener = compiled(Path(__file__).with_name("opening.c"))
    meter = Meter(connections)
    if opener.open_all(port, connections, AT_ONCE) != connections:
        sys.exit("not all connections were accepted")
    meter.tell()


def engine(port: int, connections: int) -> None:
    """wsproof's own connections, as a worker opens them."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_engine(port, connections))


async def _engine(port: int, connections: int) -> None:
    from wsproof.load.worker.connector import Connector
    from wsproof.load.worker.recorder import WorkerRecorder
    from wsproof.load.worker.state import WorkerState
    from wsproof.net.clock import Deadline
    from wsproof.net.endpoint import Endpoint
    from wsproof.workloads import load_channels

    workload = load_channels("tutorial", {})["echo"]
    with tempfile.TemporaryDirectory(prefix="wsproof-connecting-") as folder:
        room = WorkerState(WorkerRecorder(Path(folder), 0, workload))
        connector = Connector(Endpoint("127.0.0.1", port), workload, room)
        meter = Meter(connections)
        await connector.connect_all(range(connections), Deadline.after(300))
        room.recorder.settle()
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


def picows(port: int, connections: int) -> None:
    """picows on uvloop."""
    import uvloop

    from benchmarks.rivals.picows_client import open_all

    module = installed.picows()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(open_all(module, port, connections, AT_ONCE, Meter(connections).tell))


def npm_ws(port: int, connections: int) -> None:
    """npm's ws. Node replaces this process, and prints the same line."""
    installed.become_node("opener.mjs", port, connections, AT_ONCE)


def websocket_client(port: int, connections: int) -> None:
    """websocket-client under gevent. As in Locust, a greenlet per connection waits for a message."""
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
    "C": c_client,
    "wsproof": engine,
    "picows": picows,
    "websockets": websockets,
    "websocket-client": websocket_client,
    "npm ws": npm_ws,
}


if __name__ == "__main__":
    CLIENTS[sys.argv[1]](*(int(word) for word in sys.argv[2:]))
