"""Measured readers: `python -m benchmarks.receiving.readers NAME PORT CONNECTIONS FRAMES`, each in a process.

Each reader connects, prints a line, and reads until it has FRAMES frames in all. Then it prints the number of frames
and their cost: the CPU seconds from the first line to the last frame. The engine adds the cost of its checks after
that.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.progress_line import say
from benchmarks.rivals.installed import become_node

Cost = dict[str, float]


def ready() -> float:
    """Print that all connections are open. Returns the CPU time at which the measurement begins."""
    say("ready")
    return time.process_time()


def c_epoll(port: int, connections: int, frames: int) -> Cost:
    """A minimal reader in C: recv, frame boundaries, a count."""
    from benchmarks.receiving.native import read_frames
    from wsproof.net.client import Client
    from wsproof.net.endpoint import Endpoint

    clients = [Client(Endpoint("127.0.0.1", port)) for _ in range(connections)]
    for client in clients:
        client.open()
    began = ready()
    read, reads = read_frames([client.fileno() for client in clients], frames)
    return {"frames": read, "cpu_s": time.process_time() - began, "frames_per_read": read / max(reads, 1)}


def engine(port: int, connections: int, frames: int, *, is_compiled: bool = False) -> Cost:
    """wsproof's own reader. It records and writes every receipt, and then runs all delivery checks."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_engine(port, connections, frames, is_compiled=is_compiled))


def compiled_engine(port: int, connections: int, frames: int) -> Cost:
    """As `engine`, with the compiled reader."""
    return engine(port, connections, frames, is_compiled=True)


async def _engine(port: int, connections: int, frames: int, *, is_compiled: bool) -> Cost:
    import gc

    from wsproof.checks import run_checks
    from wsproof.load.files.columns import table_path
    from wsproof.load.files.merge import merge
    from wsproof.load.files.worker_files import Records
    from wsproof.load.worker.connector import Connector
    from wsproof.load.worker.recorder import WorkerRecorder
    from wsproof.load.worker.state import WorkerState
    from wsproof.model.plan import Phase
    from wsproof.net.clock import Deadline, now_ns
    from wsproof.net.endpoint import Endpoint
    from wsproof.workloads import load_channels

    workload = load_channels("tutorial", {})["chat"]
    with tempfile.TemporaryDirectory(prefix="wsproof-receiving-") as folder:
        recorder = WorkerRecorder(Path(folder), 0, workload)
        receipts = table_path(Path(folder), 0, "receipts")
        room = WorkerState(recorder, loop=asyncio.get_running_loop())
        connector = Connector(Endpoint("127.0.0.1", port), workload, room, is_compiled=is_compiled)
        await connector.connect_all(range(connections), Deadline.after(60))
        start_ns = now_ns()
        for number in range(frames // connections):
            recorder.published(0, number, 1, start_ns, Phase.MEASURED)
        gc.collect()
        gc.freeze()
        gc.disable()
        began = ready()
        read = 0
        while read < frames and room.members_open:
            await asyncio.sleep(0.05)  # as often as a worker writes
            recorder.settle()
            read = receipts.stat().st_size // 24
        cpu_s = time.process_time() - began
        recorder.close()
        history = merge(
            Records(Path(folder), 1), workload, connections, start_ns=start_ns, end_ns=now_ns(), drained_ns=now_ns()
        )
        merged_s = time.process_time() - began - cpu_s
        findings = [finding for finding in run_checks(history, workload.contract) if finding.anomaly.value != "lost"]
        checked_s = time.process_time() - began - cpu_s - merged_s
    if findings:
        sys.exit(f"the checks accuse the sender: {findings[0].explanation}")
    return {"frames": read, "cpu_s": cpu_s, "merge_s": merged_s, "checks_s": checked_s}


def websockets(port: int, connections: int, frames: int) -> Cost:
    """The `websockets` client on uvloop, which counts messages."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_websockets(port, connections, frames))


async def _websockets(port: int, connections: int, frames: int) -> Cost:
    from websockets.asyncio.client import connect

    clients = [
        await connect(f"ws://127.0.0.1:{port}/", compression=None, ping_interval=None, proxy=None)
        for _ in range(connections)
    ]
    read, done = 0, asyncio.Event()

    async def listen(client: object) -> None:
        nonlocal read
        async for _ in client:  # type: ignore[attr-defined]
            read += 1
            if read == frames:
                done.set()

    began = ready()
    listening = [asyncio.create_task(listen(client)) for client in clients]
    await asyncio.wait_for(done.wait(), 120)
    cost = {"frames": float(read), "cpu_s": time.process_time() - began}
    for task in listening:
        task.cancel()
    return cost


def locust(port: int, connections: int, frames: int) -> Cost:
    """websocket-client under gevent, one Locust request event per message: the usual way."""
    from gevent import monkey

    monkey.patch_all()
    import gevent
    from gevent.event import Event as Flag
    from locust.env import Environment
    from locust.stats import RequestStats
    from websocket import create_connection

    events: Any = Environment(user_classes=[]).events
    stats = RequestStats()
    events.request.add_listener(
        lambda request_type, name, response_time, response_length, **_: stats.log_request(
            request_type, name, response_time, response_length
        )
    )
    clients = [create_connection(f"ws://127.0.0.1:{port}/", skip_utf8_validation=True) for _ in range(connections)]
    read, done = 0, Flag()

    def listen(client: object) -> None:
        nonlocal read
        while True:
            text = client.recv()  # type: ignore[attr-defined]
            events.request.fire(
                request_type="WS", name="recv", response_time=1.0, response_length=len(text), exception=None, context={}
            )
            read += 1
            if read == frames:
                done.set()

    began = ready()
    listening = [gevent.spawn(listen, client) for client in clients]
    done.wait(120)
    cost = {"frames": float(read), "cpu_s": time.process_time() - began}
    gevent.killall(listening)
    return cost


def wsproof_in_locust(port: int, connections: int, frames: int) -> Cost:
    """wsproof's users in Locust. They record every receipt, and check the deliveries while the test runs."""
    from gevent import monkey

    monkey.patch_all()
    from benchmarks.receiving.locust_members import run

    return run(port, connections, frames, ready)


def picows(port: int, connections: int, frames: int) -> Cost:
    """picows on uvloop, which counts frames. It is not among wsproof's dependencies."""
    from benchmarks.rivals.picows_reader import run

    return run(port, connections, frames, ready)


def npm_ws(port: int, connections: int, frames: int) -> Cost:
    """npm's ws, which counts messages. Node replaces this process, and prints the same lines."""
    become_node("reader.mjs", port, connections, frames)


READERS: dict[str, Callable[[int, int, int], Cost]] = {
    "C epoll": c_epoll,
    "wsproof": engine,
    "wsproof, compiled": compiled_engine,
    "websockets": websockets,
    "Locust": locust,
    "wsproof in Locust": wsproof_in_locust,
    "picows": picows,
    "npm ws": npm_ws,
}


if __name__ == "__main__":
    name, *numbers = sys.argv[1:]
    say(json.dumps(READERS[name](*(int(word) for word in numbers))))
