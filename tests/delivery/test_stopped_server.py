"""Tests of silent waits: a server that is stopped for some seconds has lost nothing. The clock is fake."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from wsproof.delivery.member_loop import MemberLoop
from wsproof.delivery.ping_probe import GRACE_S, PAYLOAD, PONG_TIMEOUT_S
from wsproof.net.budget import Budget
from wsproof.wire import Event, PongReceived, TextMessage

TIMEOUT_S = 5.0


@dataclass
class Clock:
    """The time of a test. It passes only while the loop polls."""

    now: int = 10**9

    def now_ns(self) -> int:
        return self.now


@dataclass
class Server:
    """A server that is stopped until `runs_s`, and then answers a ping and sends the message that is due."""

    clock: Clock
    runs_s: float = 0.0
    is_due: bool = True
    answers_pings: bool = True
    pings: int = 0
    sent: list[bytes] = field(default_factory=list)

    def events(self) -> list[Event]:
        if self.clock.now < self.runs_s * 1e9:
            return []
        answers: list[Event] = [PongReceived(payload) for payload in self.sent] if self.answers_pings else []
        self.sent.clear()
        if self.is_due and self.runs_s:
            self.is_due = False
            answers.append(TextMessage("due", 1))
        return answers

    def send_ping(self, payload: bytes) -> None:
        self.pings += 1
        self.sent.append(payload)


class Loop(MemberLoop):
    """A loop with one member, whose events come from the server of the test."""

    def __init__(self, server: Server) -> None:
        workload = SimpleNamespace(contract=None, keeps_alive=False)
        setting: Any = SimpleNamespace(workload=workload, timeout_s=TIMEOUT_S, budget=Budget(None))
        self.setting, self.members, self.heard, self.silent_ns = setting, [], 0, 0
        super().__init__(setting)
        peer = SimpleNamespace(send_ping=server.send_ping, may_send=True)
        member: Any = SimpleNamespace(
            number=0,
            client=SimpleNamespace(peer=peer),
            is_connected=True,
            can_send=True,
            closed=False,
            stalled=False,
            is_paused=False,
            is_mid_frame=False,
            misbehaviour="",
        )
        self.members.append(member)
        self.server, self.received = server, list[Event]()

    def poll_once(self, timeout_s: float) -> None:
        self.server.clock.now += int(timeout_s * 1e9)
        for event in self.server.events():
            self.heard += 1
            self._pings.take(self.members[0], event)
            self.received.append(event)

    @property
    def has_message(self) -> bool:
        return any(isinstance(event, TextMessage) for event in self.received)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(0)
    monkeypatch.setattr("wsproof.net.clock.now_ns", clock.now_ns)
    monkeypatch.setattr("wsproof.delivery.member_loop.now_ns", clock.now_ns)
    monkeypatch.setattr("wsproof.delivery.member_loop.SentMessages", lambda *_: None)
    monkeypatch.setattr("wsproof.delivery.member_loop.MessageRecorder", lambda *_: None)
    return clock


@pytest.mark.parametrize("stopped_s", [2.6, 4.0, 5.0, 9.0])
def test_a_server_that_was_stopped_for_seconds_gets_additional_time(clock: Clock, stopped_s: float) -> None:
    """Formerly, silence for half of the timeout was enough to report missing messages as lost."""
    loop = Loop(Server(clock, runs_s=stopped_s))
    assert loop.wait(lambda: loop.has_message)
    assert loop.silent_ns == 0


def test_a_server_that_answers_a_ping_at_once_and_sends_nothing_is_silent(clock: Clock) -> None:
    loop = Loop(Server(clock))
    assert not loop.wait(lambda: loop.has_message)
    assert loop.server.pings == 1
    assert clock.now == pytest.approx((TIMEOUT_S / 2 + GRACE_S) * 1e9, abs=1e8)
    assert loop.silent_ns == clock.now


def test_a_server_that_answers_no_ping_is_silent_after_one_ping(clock: Clock) -> None:
    loop = Loop(Server(clock, answers_pings=False))
    assert not loop.wait(lambda: loop.has_message)
    assert clock.now == pytest.approx((TIMEOUT_S / 2 + PONG_TIMEOUT_S) * 1e9, abs=1e8)
    assert loop.silent_ns == clock.now
    assert not loop.wait(lambda: loop.has_message)
    assert loop.server.pings == 1


def test_a_wait_with_its_own_timeout_sends_no_ping(clock: Clock) -> None:
    loop = Loop(Server(clock, runs_s=5.0))
    assert not loop.wait(lambda: loop.has_message, 1.0)
    assert loop.server.pings == 0


def test_only_the_probes_own_pong_answers_it(clock: Clock) -> None:
    server = Server(clock)
    loop = Loop(server)
    server.sent = [b"other"]
    loop.poll_once(0.01)
    assert not loop.wait(lambda: loop.has_message)
    assert [event.payload for event in loop.received if isinstance(event, PongReceived)] == [b"other", PAYLOAD]
