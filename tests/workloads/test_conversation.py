"""Tests of a member's protocol: join steps, answers, timers, and the report of an unresponsive server."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from wsproof import (
    Audience,
    Contract,
    Every,
    JoinRefused,
    MessageKind,
    Parsed,
    Send,
    Wait,
    Workload,
    WorkloadError,
    json_with,
)
from wsproof.workloads import Conversation
from wsproof.workloads.echo import Echo
from wsproof.workloads.steps import JoinSteps

S = 1_000_000_000


class Subscription(Workload):
    """Two steps, as in graphql-transport-ws: initialise, then subscribe."""

    name = "subscription"
    title = "a subscription"

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE)

    def path(self, member: int) -> str:
        return "/"

    def join(self, member: int) -> JoinSteps:
        yield Send("init")
        answer = yield Wait("init", until=lambda message: str(message).startswith("ack"), timeout_s=2.0)
        if answer == "ack no":
            raise JoinRefused("it does not want us")
        yield Send(f"subscribe {member}")
        yield Wait("subscribe", until=lambda message: message == "subscribed", subscribes=True)

    def answer(self, member: int, message: str | bytes) -> Iterable[str | bytes]:
        return [str(message).replace("ping", "pong")]

    def timers(self, member: int) -> Iterable[Every]:
        return [Every(25.0, "beat"), Every(10.0, "tick")]

    def read(self, member: int, message: str | bytes) -> Parsed:
        return Parsed(MessageKind.IGNORED)


class Greeted(Echo):
    def greeting(self, member: int) -> str:
        return f"hello {member}"


def joined(at_ns: int = 0) -> Conversation:
    talk = Conversation(Subscription(), 7)
    talk.start(at_ns)
    talk.receive("ack", at_ns)
    talk.receive("subscribed", at_ns)
    assert talk.is_joined
    return talk


def test_the_default_is_the_greeting_and_nothing_follows() -> None:
    talk = Conversation(Greeted(), 3)
    assert talk.start(0) == ("hello 3",)
    assert talk.is_joined
    assert talk.has_sent
    assert talk.is_over
    assert talk.next_ns is None


def test_without_a_greeting_the_member_joins_by_the_handshake() -> None:
    talk = Conversation(Echo(), 3)
    assert talk.start(0) == ()
    assert talk.is_joined
    assert not talk.has_sent


def test_each_step_follows_the_answer_to_the_one_before() -> None:
    talk = Conversation(Subscription(), 7)
    assert talk.start(0) == ("init",)
    assert not talk.receive("welcome", S).is_awaited
    heard = talk.receive("ack", S)
    assert heard.is_awaited
    assert heard.messages == ("subscribe 7",)
    assert not talk.is_subscribed
    assert talk.receive("subscribed", S).is_awaited
    assert talk.is_joined
    assert talk.is_subscribed


def test_an_answer_that_arrived_before_its_wait_is_not_missed() -> None:
    talk = Conversation(Subscription(), 7)
    talk.start(0)
    talk.receive("subscribed", S)
    assert talk.receive("ack", S).messages == ("subscribe 7",)
    assert talk.is_joined


def test_a_wait_that_times_out_names_its_step_and_the_last_message() -> None:
    talk = Conversation(Subscription(), 7)
    talk.start(S)
    talk.receive("no such thing", S)
    assert talk.next_ns == 3 * S
    assert talk.wake(3 * S - 1) == ()
    assert talk.is_joining
    talk.wake(3 * S)
    assert talk.fault == "did not answer `init` within 2 s; the last message was 'no such thing'"
    assert talk.is_over
    assert not talk.is_joined
    assert talk.receive("ack", 4 * S).messages == ()


def test_a_connection_that_ends_names_the_step_as_well() -> None:
    talk = Conversation(Subscription(), 7)
    talk.start(0)
    talk.receive("ack", S)
    talk.end("with close code 4401")
    assert talk.fault == "ended the connection before it answered `subscribe`, with close code 4401"


def test_the_end_of_a_connection_after_the_join_is_not_a_fault_of_the_join() -> None:
    talk = joined()
    talk.end("with close code 1000")
    assert talk.fault == ""


def test_a_workload_can_say_that_the_server_refuses() -> None:
    talk = Conversation(Subscription(), 7)
    talk.start(0)
    talk.receive("ack no", S)
    assert talk.fault == "refused the member: it does not want us"


def test_a_message_that_needs_an_answer_gets_it_while_joining_and_afterwards() -> None:
    talk = Conversation(Subscription(), 7)
    talk.start(0)
    heard = talk.receive("ping 1", S, needs_answer=True)
    assert heard.messages == ("pong 1",)
    assert not heard.is_awaited
    assert joined().receive("ping 2", S, needs_answer=True).messages == ("pong 2",)


def test_timers_begin_when_the_member_has_joined() -> None:
    talk = joined(at_ns=S)
    assert talk.next_ns == 11 * S
    assert talk.wake(11 * S - 1) == ()
    assert talk.wake(11 * S) == ("tick",)
    assert talk.wake(21 * S) == ("tick",)
    assert talk.wake(26 * S) == ("beat",)
    assert not talk.is_over


def test_a_late_caller_sends_one_message_per_timer() -> None:
    talk = joined()
    assert sorted(talk.wake(100 * S)) == ["beat", "tick"]
    assert talk.next_ns == 110 * S


def test_a_join_that_never_ends_is_an_error() -> None:
    class Endless(Subscription):
        def join(self, member: int) -> JoinSteps:
            while True:
                yield Send("again")

    with pytest.raises(WorkloadError, match=r"expected join\(\) of subscription to end"):
        Conversation(Endless(), 0).start(0)


@pytest.mark.parametrize(
    ("message", "fits"),
    [
        ('{"type": "ack", "id": 1, "more": true}', True),
        (b'{"type": "ack", "id": 1}', True),
        ('{"type": "ack", "id": 2}', False),
        ('{"type": "ack"}', False),
        ('["ack"]', False),
        ("ack", False),
        (b"\xff", False),
    ],
)
def test_json_with_compares_the_named_fields(message: str | bytes, fits: bool) -> None:
    assert json_with(type="ack", id=1)(message) is fits
