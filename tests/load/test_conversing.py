"""Tests of members with a protocol: they join step by step, answer and beat, outside of the fast path."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from time import monotonic_ns
from typing import Any

import pytest

from tests.load.conftest import small_plan
from tests.load.reading import read
from tests.load.test_connection import ANSWER, KEY, Wire
from tests.workloads.apps.conversing_channels import Conversing, message_of_kind
from wsproof import Envelope, Measurement, Parsed
from wsproof.checks import run_checks
from wsproof.load import run_plan
from wsproof.load.files.merge import merge
from wsproof.load.files.worker_files import Records
from wsproof.load.worker.connection import Connection
from wsproof.load.worker.conversation_timers import ConversationTimers
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.load.worker.state import WorkerState
from wsproof.model.history import Departure, History
from wsproof.target.server import serve
from wsproof.target.target import parse_target
from wsproof.wire import Frame, FrameDecoder, Opcode, Request

APP = "tests.workloads.apps.conversing:app"
CHANNELS = "tests.workloads.apps.conversing_channels"
S = 1_000_000_000


class Counting(Conversing):
    """A workload that counts the calls of `read`."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def read(self, member: int, message: str | bytes) -> Parsed:
        self.reads += 1
        return super().read(member, message)


class Bench:
    """A worker with connected members, and the messages that each has sent since the last call."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop, members: int) -> None:
        self.workload = Counting()
        self.room = WorkerState(WorkerRecorder(folder, 0, self.workload))
        self.wires = [Wire() for _ in range(members)]
        self.opened: list[asyncio.Future[str | None]] = [loop.create_future() for _ in range(members)]
        self.connections = [
            Connection(member, Request("localhost", "/", KEY), self.room, self.opened[member])
            for member in range(members)
        ]
        self._folder = folder
        for connection, wire in zip(self.connections, self.wires, strict=True):
            connection.connection_made(wire)
            wire.written = b""
            read(connection, ANSWER)

    def hear(self, member: int, **message: Any) -> None:
        read(self.connections[member], frame(json.dumps(message)))

    def sent(self, member: int) -> list[str]:
        """Return the types of the messages that the member has sent since the last call."""
        decoder = FrameDecoder()
        decoder.feed(self.wires[member].written)
        self.wires[member].written = b""
        return [json.loads(each.payload)["type"] for each in iter(decoder.next_frame, None) if each is not None]

    def join(self, member: int) -> None:
        self.hear(member, type="ack")
        self.hear(member, type="subscribed")
        self.room.enter(self.connections[member])
        self.sent(member)

    def history(self) -> History:
        self.room.recorder.settle()
        return merge(Records(self._folder, 1), self.workload, len(self.connections), start_ns=0, end_ns=0, drained_ns=0)


def frame(text: str) -> bytes:
    return Frame(Opcode.TEXT, text.encode()).encode()


def published(sequence: int) -> str:
    return message_of_kind("next", text=Envelope(0, sequence, 1).seal("hello"))


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def bench(tmp_path: Path, loop: asyncio.AbstractEventLoop) -> Bench:
    return Bench(tmp_path, loop, 2)


def test_a_member_joins_step_by_step_and_is_connected_when_it_has_joined(bench: Bench) -> None:
    assert bench.sent(0) == ["init"]
    assert [each.can_send for each in bench.connections] == [False, False]
    bench.hear(0, type="ack")
    assert bench.sent(0) == ["subscribe"]
    assert not bench.opened[0].done()
    bench.hear(0, type="subscribed")
    assert bench.opened[0].result() is None
    assert [each.can_send for each in bench.connections] == [True, False]
    assert bench.history().unexpected == (), "read() need not parse the answers to join steps"


def test_join_steps_answered_in_one_read_are_processed_in_order(bench: Bench) -> None:
    read(
        bench.connections[0], frame(message_of_kind("ack")) + frame(message_of_kind("subscribed")) + frame(published(0))
    )
    assert bench.opened[0].result() is None
    assert bench.history().receipts.sequence.tolist() == [0]


def test_a_join_step_without_an_answer_is_recorded_as_the_join_fault(bench: Bench) -> None:
    bench.hear(0, type="ack")
    bench.room.timers.wake_due(monotonic_ns() + S)
    assert bench.opened[0].result() == "the server did not answer `subscribe` within 0.5 s"
    assert bench.connections[0].join_fault
    bench.connections[0].connection_lost(None)
    (finding,) = (found for found in run_checks(bench.history(), bench.workload.contract) if found.check == "received")
    assert "nothing is known" in finding.explanation


def test_a_connection_that_ends_during_the_join_records_the_step(bench: Bench) -> None:
    read(bench.connections[0], Frame(Opcode.CLOSE, (4401).to_bytes(2, "big")).encode())
    bench.connections[0].connection_lost(None)
    assert bench.opened[0].result() == "the server ended the connection before it answered `init`, with close code 4401"


def test_each_member_sends_its_automatic_replies_and_equal_bytes_are_parsed_once(bench: Bench) -> None:
    for member in (0, 1):
        bench.join(member)
    bench.workload.reads = 0
    for sequence in range(3):
        for member in (0, 1):
            read(bench.connections[member], frame(published(sequence)))
    for member in (0, 1):
        bench.hear(member, type="ping", id=7)
        assert bench.sent(member) == ["pong"]
        bench.hear(member, type="ping", id=7)
        assert bench.sent(member) == ["pong"], "the second ping has the bytes of the first"
    assert bench.workload.reads == 4
    assert frame(message_of_kind("ping", id=7)) not in bench.room.recorder.known
    assert len(bench.history().receipts) == 6


def test_a_member_sends_heartbeats_until_it_leaves(bench: Bench) -> None:
    bench.join(0)
    now = monotonic_ns() + S
    bench.room.timers.wake_due(now)
    assert bench.sent(0) == ["beat"]
    bench.room.timers.wake_due(now)
    assert bench.sent(0) == []
    bench.room.timers.wake_due(now + S)
    assert bench.sent(0) == ["beat"]
    bench.connections[0].part()
    bench.wires[0].written = b""
    bench.room.timers.wake_due(now + 2 * S)
    assert bench.sent(0) == []


class Alarm:
    def __init__(self, timers: ConversationTimers, every_ns: int) -> None:
        self.rings: list[int] = []
        self._timers, self._every_ns = timers, every_ns

    def wake(self, now_ns: int) -> None:
        self.rings.append(now_ns)
        self._timers.set(now_ns + self._every_ns, self)


def test_timers_fire_in_time_order_and_only_when_due() -> None:
    timers = ConversationTimers(None)
    slow, fast = Alarm(timers, 10), Alarm(timers, 4)
    timers.set(10, slow)
    timers.set(4, fast)
    for now in range(21):
        timers.wake_due(now)
    assert slow.rings == [10, 20]
    assert fast.rings == [4, 8, 12, 16, 20]
    timers.close()
    timers.wake_due(100)
    assert len(fast.rings) == 5


def run(fault: str, *, processes: int = 1) -> Measurement:
    plan = small_plan("conversing", subscribers=4, rate_hz=40.0, processes=processes, drain_s=2.0)
    with serve(parse_target(APP, path="/", env=[f"FAULT={fault}"])) as server:
        return run_plan(plan, channels=CHANNELS, settings={}, endpoint=server.endpoint)


def test_a_whole_run_delivers_everything() -> None:
    measurement = run("", processes=2)
    history = measurement.history
    assert run_checks(history, measurement.contract) == []
    assert len(history.receipts) == 4 * len(history.publications)
    assert {member.departure for member in history.members} == {Departure.STAYED}


def test_members_that_cannot_join_are_reported_with_the_step() -> None:
    measurement = run("no room")
    away = [member for member in measurement.history.members if member.join_fault]
    assert {member.join_fault for member in away} == {"did not answer `subscribe` within 0.5 s"}
    assert len(away) == 2
    assert [finding.check for finding in run_checks(measurement.history, measurement.contract)] == ["join-failed"]
