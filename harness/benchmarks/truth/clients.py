"""The measured clients: `python -m benchmarks.truth.clients NAME SHAPE PORT SECONDS FILE`, one process per block.

Each client opens its connections and publishes by the schedule of the shape. Like a user of that library, it notes for
each message when it sent the message and when it received it. It writes its report at the end.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import monotonic_ns

import numpy as np

from benchmarks.truth.load_shapes import WARMUP_S, plan_of
from benchmarks.truth.report import Report, Row, report_of
from wsproof import Envelope, Measurement
from wsproof.model.envelope import body_of
from wsproof.model.history import Kind
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase, schedule
from wsproof.stats.arrival_stamps import earliest_ns

RIVALS = Path(__file__).parents[1] / "rivals"
LOCUST_FILES = {
    "Locust": RIVALS / "locust_user.py",
    "Locust, blocked": RIVALS / "locust_user.py",
    "wsproof in Locust": RIVALS / "wsproof_locust_user.py",
    "wsproof in Locust, blocked": RIVALS / "wsproof_locust_user.py",
}
"""Clients that are started by Locust, and their files."""


def engine(shape: str, port: int, seconds: float) -> Report:
    """wsproof's own engine, as `wsproof bench` runs it."""
    from wsproof.load import run_plan
    from wsproof.net.endpoint import Endpoint

    plan = plan_of(shape, seconds)
    return report_of_engine(run_plan(plan, channels="tutorial", settings={}, endpoint=Endpoint("127.0.0.1", port)))


def report_of_engine(measurement: Measurement) -> Report:
    """The deliveries of a measurement's window, with the actual time of each send."""
    published, receipts = measurement.history.publications, measurement.history.receipts
    measured = published.phase == Phase.MEASURED
    keys = zip(published.publisher[measured].tolist(), published.sequence[measured].tolist(), strict=True)
    sent = dict(zip(keys, published.sent_ns[measured].tolist(), strict=True))
    keys = zip(receipts.publisher.tolist(), receipts.sequence.tolist(), strict=True)
    sent_ns = np.array([sent.get(key, 0) for key in keys], np.int64)
    chosen = (receipts.kind == Kind.DELIVERY) & (sent_ns > 0)
    # The record's hard bound: what the read before had left, whatever the loop did in between.
    stamps = replace(
        measurement.generator.stamps, intervals=measurement.generator.stamps.intervals * np.array([1, 1, 1, 0])
    )
    return Report(
        receipts.subscriber[chosen],
        receipts.publisher[chosen],
        receipts.sequence[chosen],
        sent_ns[chosen],
        receipts.received_ns[chosen],
        measurement.generator.loop_lag_ns,
        earliest_ns(np.asarray(receipts.received_ns[chosen]), stamps),
    )


def websockets(shape: str, port: int, seconds: float) -> Report:
    """The `websockets` client on uvloop, with a task per connection and a task that publishes."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_websockets(shape, port, seconds))


async def _websockets(shape: str, port: int, seconds: float) -> Report:
    from websockets.asyncio.client import ClientConnection, connect

    plan = plan_of(shape, seconds)
    clients = [
        await connect(f"ws://127.0.0.1:{port}/ws/{member + 1}", compression=None, ping_interval=None, proxy=None)
        for member in range(plan.subscribers)
    ]
    rows: list[Row] = []
    sent: dict[tuple[int, int], int] = {}

    async def listen(member: int, client: ClientConnection) -> None:
        async for message in client:
            now = monotonic_ns()
            rows.append((member, message.encode() if isinstance(message, str) else message, now))

    listening = [asyncio.create_task(listen(member, client)) for member, client in enumerate(clients)]
    times = schedule(plan)
    body, next_number = body_of(plan.payload_bytes), [0] * plan.subscribers
    start_ns = monotonic_ns() + NS // 10
    for offset_ns, member in zip(times.offset_ns.astype(int).tolist(), times.publisher.tolist(), strict=True):
        intended_ns = start_ns + offset_ns
        if (wait_ns := intended_ns - monotonic_ns()) > 0:
            await asyncio.sleep(wait_ns / NS)
        key = (member, next_number[member])
        next_number[member] += 1
        text = Envelope(*key, intended_ns).seal(body)
        sent[key] = monotonic_ns()
        await clients[member].send(text)
    await asyncio.sleep(1)
    for task in listening:
        task.cancel()
    await asyncio.gather(*(client.close() for client in clients))
    return report_of(rows, sent, start_ns + int(WARMUP_S * NS))


def locust(shape: str, port: int, seconds: float) -> Report:
    """websocket-client in a Locust user with an event per message: the usual way."""
    raise AssertionError("Locust patches its process: it is started by itself")


def k6(shape: str, port: int, seconds: float) -> Report:
    """k6 in its own process, with a VU per connection, its experimental WebSockets and its finest clock."""
    from benchmarks.rivals.k6_user import run

    return run(shape, port, seconds)


CLIENTS: dict[str, Callable[[str, int, float], Report]] = {
    "wsproof": engine,
    "websockets": websockets,
    "Locust": locust,
    "Locust, blocked": locust,
    "k6": k6,
    "wsproof in Locust": locust,
    "wsproof in Locust, blocked": locust,
}


def command_of(name: str, shape: str, port: int, seconds: float, file: Path) -> list[str]:
    """The command that runs a client."""
    if name not in LOCUST_FILES:
        return [sys.executable, "-m", "benchmarks.truth.clients", name, shape, str(port), str(seconds), str(file)]
    users = str(plan_of(shape, seconds).subscribers)
    load = ["-u", users, "-r", users, "-t", f"{seconds + WARMUP_S + 1:g}s"]
    ways = ["--host", f"ws://127.0.0.1:{port}", "--headless", "--only-summary", "--loglevel", "WARNING"]
    return [sys.executable, "-m", "locust", "-f", str(LOCUST_FILES[name]), *load, *ways]


if __name__ == "__main__":
    name, shape, port, seconds, file = sys.argv[1:]
    CLIENTS[name](shape, int(port), float(seconds)).save(Path(file))
