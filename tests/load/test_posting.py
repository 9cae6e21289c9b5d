"""Tests of publishing from outside: the order of requests and calls, refusals in the history, runs with a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import repeat
from pathlib import Path
from threading import Event
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tests.load.conftest import small_plan
from tests.workloads.apps.posting_channels import Posting
from wsproof import Audience, Contract, Envelope, FunctionCall, Order, Verdict
from wsproof.checks import run_checks
from wsproof.load import run_plan
from wsproof.load.drain import OutstandingReceipts
from wsproof.load.files.history import load_history, save_history
from wsproof.load.files.merge import merge
from wsproof.load.files.worker_files import Records
from wsproof.load.worker.http_publisher import HttpSender, PublisherConnections
from wsproof.load.worker.outside_sender import CallSender
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.model.finding import Anomaly, verdict_of
from wsproof.model.history import Departure, History, Outcome
from wsproof.model.plan import Phase
from wsproof.net.endpoint import Endpoint
from wsproof.stats.trust import judge_trust
from wsproof.target.server import serve
from wsproof.target.target import parse_target

APP, CHANNELS = "tests.workloads.apps.posting:app", "tests.workloads.apps.posting_channels"
DEADLINE_S = 60


class Unordered(Posting):
    @property
    def contract(self) -> Contract:
        return Contract("posting", Audience.EVERYONE, Order.NONE)


class Held:
    """A server that answers each request when the test tells it to."""

    def __init__(self) -> None:
        self.requests: list[bytes] = []
        self.connections = self.open = 0
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
                self.requests.append(await reader.readexactly(length))
                writer.write(await self.answers.get())
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()
            self.open -= 1

    def answer(self, status: str = "200 OK", *, last: bool = False) -> None:
        ends = "Connection: close\r\n" if last else ""
        self.answers.put_nowait(f"HTTP/1.1 {status}\r\n{ends}Content-Length: 0\r\n\r\n".encode())


@asynccontextmanager
async def sending(folder: Path, workload: Posting) -> AsyncIterator[tuple[Held, HttpSender, WorkerRecorder]]:
    held = Held()
    server = await asyncio.start_server(held.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    recorder = WorkerRecorder(folder, 0, workload)
    loop = asyncio.get_running_loop()
    sender = HttpSender(loop, Endpoint("127.0.0.1", port), workload, recorder, repeat(60))
    try:
        yield held, sender, recorder
    finally:
        sender.close()
        recorder.close()
        server.close()
        for _ in range(held.open):
            held.answer()
        await until(lambda: not held.open)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.001)


def merged(folder: Path, members: int = 1) -> History:
    return merge(Records(folder, 1), Posting(), members, start_ns=0, end_ns=0, drained_ns=0)


def test_with_a_promised_order_each_request_waits_for_the_previous_response(tmp_path: Path) -> None:
    async def play() -> None:
        async with sending(tmp_path, Posting()) as (held, sender, _):
            for _ in range(3):
                sender.publish(0, Phase.MEASURED)
            await until(lambda: len(held.requests) == 1)
            assert sender.unsent() == 2
            for count in (2, 3):
                held.answer()
                await until(lambda count=count: len(held.requests) == count)  # type: ignore[misc]
            assert held.connections == 1
            held.answer()
            await sender.settle()

    asyncio.run(play())
    sent = merged(tmp_path).publications
    assert sent.outcome.tolist() == [Outcome.OK] * 3


def test_without_a_promised_order_requests_overlap(tmp_path: Path) -> None:
    async def play() -> None:
        async with sending(tmp_path, Unordered()) as (held, sender, _):
            for _ in range(3):
                sender.publish(0, Phase.MEASURED)
            await until(lambda: len(held.requests) == 3)
            assert sender.unsent() == 0
            assert held.connections == 3

    asyncio.run(play())


def test_a_connection_that_the_server_closes_is_replaced(tmp_path: Path) -> None:
    async def play() -> None:
        async with sending(tmp_path, Posting()) as (held, sender, _):
            held.answer(last=True)
            held.answer()
            for _ in range(2):
                sender.publish(0, Phase.MEASURED)
            await sender.settle()
            assert held.connections == 2

    asyncio.run(play())
    assert merged(tmp_path).refusals == ()


def test_a_refused_request_is_no_loss_and_a_failed_one_is_uncertain(tmp_path: Path) -> None:
    async def play() -> None:
        async with sending(tmp_path, Posting()) as (held, sender, recorder):
            recorder.opened(0, 1, 2)
            recorder.subscribed(0, 3)
            held.answer("429 Too Many Requests")
            held.answer("500 Internal Server Error")
            for _ in range(3):
                sender.publish(0, Phase.MEASURED)
            await until(lambda: len(held.requests) == 3)

    asyncio.run(play())
    history = merged(tmp_path)
    assert history.publications.outcome.tolist() == [Outcome.REFUSED, Outcome.INFO, Outcome.INFO]
    assert [(refusal.status, refusal.count) for refusal in history.refusals] == [(429, 1), (500, 1), (0, 1)]
    assert OutstandingReceipts(Records(tmp_path, 1), Posting().contract, 1).update() == 0, (
        "the drain does not wait for publications that were not accepted"
    )
    findings = run_checks(history, Posting().contract)
    assert {finding.anomaly for finding in findings} == {Anomaly.UNKNOWN, Anomaly.REFUSED}
    save_history(history, tmp_path)
    assert load_history(tmp_path).refusals == history.refusals


@pytest.mark.parametrize("order", [Order.PER_PUBLISHER, Order.NONE])
def test_calls_wait_for_each_other_only_where_an_order_is_promised(order: Order, tmp_path: Path) -> None:
    begun: list[int] = []
    may_end = Event()

    class Held(Posting):
        @property
        def contract(self) -> Contract:
            return Contract("posting", Audience.EVERYONE, order)

        def publish(self, member: int, envelope: Envelope, body: str) -> Any:
            def function() -> None:
                begun.append(envelope.sequence)
                assert may_end.wait(DEADLINE_S)

            return FunctionCall(function)

    async def play() -> None:
        recorder = WorkerRecorder(tmp_path, 0, Held())
        sender = CallSender(asyncio.get_running_loop(), Held(), recorder, repeat(60))
        for _ in range(3):
            sender.publish(0, Phase.MEASURED)
        at_once = 3 if order is Order.NONE else 1
        await until(lambda: len(begun) == at_once)
        assert sender.unsent() == 3 - at_once
        may_end.set()
        await until(lambda: sender.is_settled)
        sender.close()
        recorder.close()

    asyncio.run(play())
    assert sorted(begun) == [0, 1, 2]
    assert merged(tmp_path).publications.outcome.tolist() == [Outcome.OK] * 3


def test_a_call_that_has_not_ended_at_the_end_of_the_run_is_uncertain(tmp_path: Path) -> None:
    may_end = Event()

    class Stuck(Posting):
        def publish(self, member: int, envelope: Envelope, body: str) -> Any:
            return FunctionCall(may_end.wait)

    async def play() -> None:
        recorder = WorkerRecorder(tmp_path, 0, Stuck())
        sender = CallSender(asyncio.get_running_loop(), Stuck(), recorder, repeat(60))
        for _ in range(2):
            sender.publish(0, Phase.MEASURED)
        sender.close()
        recorder.close()
        may_end.set()

    asyncio.run(play())
    history = merged(tmp_path)
    assert history.publications.outcome.tolist() == [Outcome.INFO] * 2
    assert [refusal.reason for refusal in history.refusals] == [
        "the request was never sent: earlier ones had no answer",
        "the call had not ended when the run ended",
    ]


def test_functions_publish_under_load() -> None:
    plan = small_plan("calling", subscribers=4, publishers=1, rate_hz=8.0, processes=1, duration_s=0.5)
    channels = "tests.workloads.apps.calling_channels"
    with serve(parse_target(APP, path="/listen/0")) as server:
        measurement = run_plan(plan, channels=channels, settings={}, endpoint=server.endpoint, server=server)
    assert verdict_of(run_checks(measurement.history, measurement.contract)) is Verdict.VALID
    assert len(measurement.history.receipts)


@pytest.mark.parametrize(("fault", "processes"), [("", 2), ("refuses", 1)])
def test_the_latency_spans_from_the_request_to_the_last_subscriber(fault: str, processes: int) -> None:
    plan = small_plan("posting", subscribers=6, publishers=2, rate_hz=40.0, processes=processes, duration_s=0.5)
    with serve(parse_target(APP, path="/listen/0", env=[f"FAULT={fault}"])) as server:
        measurement = run_plan(plan, channels=CHANNELS, settings={}, endpoint=server.endpoint, server=server)
    findings = run_checks(measurement.history, measurement.contract)
    assert verdict_of(findings) is Verdict.VALID
    assert {member.departure for member in measurement.history.members} == {Departure.STAYED}
    assert len(measurement.history.receipts)
    codes = {caution.code for caution in judge_trust(measurement)}
    assert ("refused" in codes) is bool(fault)
    assert {finding.anomaly for finding in findings} == ({Anomaly.REFUSED} if fault else set())


def test_a_closing_connection_hides_no_idle_one() -> None:
    """Even if the most recently used connection is closing, the next request uses an idle one."""
    healthy, closing = SimpleNamespace(is_closing=False), SimpleNamespace(is_closing=True)
    queue = PublisherConnections(Endpoint("127.0.0.1", 1), idle=cast(Any, [closing, healthy, closing]))
    assert queue.take_idle() is cast(Any, healthy)
    assert queue.take_idle() is None
    assert queue.idle == []
