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
    conversation = Conversation(Subscription(), 7)
    conversation.start(at_ns)
    conversation.receive("ack", at_ns)
    conversation.receive("subscribed", at_ns)
    assert conversation.is_joined
    return conversation


def test_a_workload_with_a_greeting_joins_by_sending_it() -> None:
    conversation = Conversation(Greeted(), 3)
    assert conversation.start(0) == ("hello 3",)
    assert conversation.is_joined
    assert conversation.has_sent
    assert conversation.is_over
    assert conversation.next_ns is None


def test_a_workload_without_a_greeting_joins_by_the_handshake() -> None:
    conversation = Conversation(Echo(), 3)
    assert conversation.start(0) == ()
    assert conversation.is_joined
    assert not conversation.has_sent


def test_each_step_follows_the_answer_to_the_previous_step() -> None:
    conversation = Conversation(Subscription(), 7)
    assert conversation.start(0) == ("init",)
    assert not conversation.receive("welcome", S).is_awaited
    outcome = conversation.receive("ack", S)
    assert outcome.is_awaited
    assert outcome.messages == ("subscribe 7",)
    assert not conversation.is_subscribed
    assert conversation.receive("subscribed", S).is_awaited
    assert conversation.is_joined
    assert conversation.is_subscribed


def test_an_answer_that_arrives_before_its_wait_is_not_missed() -> None:
    conversation = Conversation(Subscription(), 7)
    conversation.start(0)
    conversation.receive("subscribed", S)
    assert conversation.receive("ack", S).messages == ("subscribe 7",)
    assert conversation.is_joined


def test_a_wait_that_times_out_names_its_step_and_the_last_message() -> None:
    conversation = Conversation(Subscription(), 7)
    conversation.start(S)
    conversation.receive("no such thing", S)
    assert conversation.next_ns == 3 * S
    assert conversation.wake(3 * S - 1) == ()
    assert conversation.is_joining
    conversation.wake(3 * S)
    assert conversation.fault == "did not answer `init` within 2 s; the last message was 'no such thing'"
    assert conversation.is_over
    assert not conversation.is_joined
    assert conversation.receive("ack", 4 * S).messages == ()


def test_a_connection_that_ends_names_the_step() -> None:
    conversation = Conversation(Subscription(), 7)
    conversation.start(0)
    conversation.receive("ack", S)
    conversation.end("with close code 4401")
    assert conversation.fault == "ended the connection before it answered `subscribe`, with close code 4401"


def test_the_end_of_a_connection_after_the_join_is_not_a_fault_of_the_join() -> None:
    conversation = joined()
    conversation.end("with close code 1000")
    assert conversation.fault == ""


def test_a_workload_can_report_a_refusal_by_the_server() -> None:
    conversation = Conversation(Subscription(), 7)
    conversation.start(0)
    conversation.receive("ack no", S)
    assert conversation.fault == "refused the member: it does not want us"


def test_a_message_that_needs_an_answer_is_answered_during_and_after_the_join() -> None:
    conversation = Conversation(Subscription(), 7)
    conversation.start(0)
    outcome = conversation.receive("ping 1", S, needs_answer=True)
    assert outcome.messages == ("pong 1",)
    assert not outcome.is_awaited
    assert joined().receive("ping 2", S, needs_answer=True).messages == ("pong 2",)


def test_timers_begin_when_the_member_has_joined() -> None:
    conversation = joined(at_ns=S)
    assert conversation.next_ns == 11 * S
    assert conversation.wake(11 * S - 1) == ()
    assert conversation.wake(11 * S) == ("tick",)
    assert conversation.wake(21 * S) == ("tick",)
    assert conversation.wake(26 * S) == ("beat",)
    assert not conversation.is_over


def test_a_late_caller_gets_one_message_per_timer() -> None:
    conversation = joined()
    assert sorted(conversation.wake(100 * S)) == ["beat", "tick"]
    assert conversation.next_ns == 110 * S


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
