"""Tests of a Locust user with a protocol: it joins step by step, answers, and beats. No sockets, no server."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from time import monotonic_ns
from types import SimpleNamespace
from typing import Any

import gevent
import pytest
from gevent.event import Event
from locust.stats import RequestStats

from tests.workloads.apps.conversing_channels import Conversing, message_of_kind
from wsproof import Envelope
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model.history import Departure
from wsproof.net.endpoint import parse_url
from wsproof.wire import Frame, Opcode
from wsproof.workloads import Message

DEADLINE_S = 30


class FakeConnection:
    """Records sent messages. The test passes incoming messages to it."""

    is_stamped = False
    sent_ns = 0

    def __init__(self, member: int) -> None:
        self.member = member
        self.sent: list[str] = []
        self.gone = Event()
        self.listener: Any = None

    def send(self, message: str) -> bool:
        self.sent.append(json.loads(message)["type"])
        self.sent_ns = monotonic_ns()
        return True

    def listen(self) -> None:
        """Do nothing: `hear` passes incoming messages on."""

    def abort(self) -> None:
        self.gone.set()

    def hear(self, text: str) -> None:
        payload = text.encode()
        self.listener.hear(self.member, Frame(Opcode.TEXT, payload).encode(), payload, True, 1)

    def taken(self) -> list[str]:
        taken, self.sent = self.sent, []
        return taken


class Hook:
    def __init__(self) -> None:
        self.fired: list[dict[str, Any]] = []

    def fire(self, **what: Any) -> None:
        self.fired.append(what)


class Batching(Conversing):
    """A workload with one message per line and several lines in a frame."""

    def split(self, message: Message) -> Sequence[Message]:
        return str(message).split("\n")


def room_of(workload: Conversing) -> WorkloadRun:
    environment = SimpleNamespace(stats=RequestStats(), events=SimpleNamespace(request=Hook(), user_error=Hook()))
    return WorkloadRun(environment, workload, parse_url("ws://127.0.0.1:1"), rate_hz=0.001, payload_bytes=60)


@pytest.fixture
def room() -> Iterator[WorkloadRun]:
    room = room_of(Conversing())
    yield room
    room.close()


@pytest.fixture
def line(room: WorkloadRun) -> Iterator[FakeConnection]:
    line = FakeConnection(room.join())
    room.connected(line, connect_ns=5)  # type: ignore[arg-type]
    yield line
    room.left(line.member, Departure.CLOSED)


def join(line: FakeConnection) -> None:
    line.hear(message_of_kind("ack"))
    line.hear(message_of_kind("subscribed"))


def test_a_user_joins_step_by_step_and_is_subscribed_on_the_servers_confirmation(
    room: WorkloadRun, line: FakeConnection
) -> None:
    assert line.taken() == ["init"]
    line.hear(message_of_kind("ack"))
    assert line.taken() == ["subscribe"]
    assert room.members.present == set()
    line.hear(message_of_kind("subscribed"))
    assert room.members.present == {line.member}
    assert line.listener is room.receiver
    assert room.recorder.unexpected == []


def test_a_frame_with_several_messages_brings_each_of_them() -> None:
    room = room_of(Batching())
    line = FakeConnection(room.join())
    room.connected(line, connect_ns=5)  # type: ignore[arg-type]
    line.hear("\n".join([message_of_kind("ack"), message_of_kind("subscribed")]))
    assert room.members.present == {line.member}
    published = [message_of_kind("next", text=Envelope(0, number, 1).seal("hello")) for number in (0, 1)]
    for _ in range(2):
        line.hear("\n".join([message_of_kind("ping", id=7), *published]))
    assert [kind for kind in line.taken() if kind != "beat"] == ["init", "subscribe", "pong", "pong"]
    assert room.messages.receipts().sequence.tolist() == [0, 1, 0, 1]
    assert room.recorder.unexpected == []
    room.left(line.member, Departure.CLOSED)
    room.close()


def test_a_user_answers_each_ping_and_sends_heartbeats(line: FakeConnection) -> None:
    join(line)
    line.taken()
    for _ in range(2):
        line.hear(message_of_kind("ping", id=7))
        assert line.taken() == ["pong"]
    with gevent.Timeout(DEADLINE_S):
        while line.sent.count("beat") < 2:
            gevent.sleep(0.01)


def test_a_user_that_has_left_sends_no_heartbeats(room: WorkloadRun, line: FakeConnection) -> None:
    join(line)
    room.left(line.member, Departure.CLOSED)
    assert room.conversations == {}
    assert line.listener is room.receiver


def test_a_step_without_an_answer_is_a_failure_of_the_user(room: WorkloadRun, line: FakeConnection) -> None:
    line.hear(message_of_kind("ack"))
    with gevent.Timeout(DEADLINE_S):
        line.gone.wait()
    (failure,) = room.environment.events.request.fired
    assert failure["name"] == "conversing: join"
    assert str(failure["exception"]) == "the server did not answer `subscribe` within 0.5 s"
    assert room.members[line.member].join_fault
    assert room.members[line.member].departure is Departure.FIN


def test_a_connection_that_ends_while_joining_names_the_step(room: WorkloadRun, line: FakeConnection) -> None:
    line.gone.set()
    line.listener.ended(line.member, 4401)
    (failure,) = room.environment.events.request.fired
    assert "before it answered `init`, with close code 4401" in str(failure["exception"])
    assert room.members[line.member].departure is Departure.DROPPED


def test_messages_received_during_the_join_are_recorded(room: WorkloadRun, line: FakeConnection) -> None:
    line.hear(message_of_kind("next", text=Envelope(0, 0, 1).seal("hello")))
    assert room.measurement().history.receipts.subscriber.tolist() == [0]
