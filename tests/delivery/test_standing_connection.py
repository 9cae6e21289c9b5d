"""Tests of one standing member: what it reads and when it has joined. The test scripts its client."""

from __future__ import annotations

from typing import cast

import pytest

from wsproof.delivery.standing_connection import StandingConnection
from wsproof.delivery.standing_probe import _reason_unknown
from wsproof.model.standing import StandingRecord, StandingRole, StandingSession
from wsproof.net.budget import Budget, BudgetSpent
from wsproof.net.client import Client
from wsproof.wire import Event, TextMessage
from wsproof.workloads.conversation import Conversation
from wsproof.workloads.socketio import SocketIo

SESSION, NAMESPACE = '0{"sid":"1"}', '40{"sid":"2"}'


class ScriptedClient:
    """A client that has received the messages that the test gives it."""

    ended = False

    def __init__(self, *received: str) -> None:
        self.events: list[Event] = [TextMessage(text, 1) for text in received]
        self.sent: list[str] = []

    @property
    def event_times_ns(self) -> list[int]:
        return [1] * len(self.events)

    def receive_nowait(self) -> None:
        pass

    def take_events(self) -> list[Event]:
        events, self.events = self.events, []
        return events

    def send_text(self, text: str) -> None:
        self.sent.append(text)


def standing(client: ScriptedClient) -> StandingConnection:
    workload = SocketIo()
    talk = Conversation(workload, 1)
    return StandingConnection(workload, 1, StandingRole.UNRESPONSIVE, cast(Client, client), talk)


def test_a_message_received_with_the_answer_to_the_handshake_is_read_at_once() -> None:
    """Socket.IO servers send the first message and then wait for the member, so no poll would wake its reader."""
    client = ScriptedClient(SESSION)
    member = standing(client)
    member.join()
    assert client.sent == ["40"]
    assert member.session(99).joined_ns == 99, "the namespace has not answered yet"
    client.events = [TextMessage(NAMESPACE, 1)]
    member.read()
    assert 99 < member.session(member.joined_ns + 5).joined_ns == member.joined_ns


def test_a_member_that_never_joined_has_the_reason_for_receiving_nothing() -> None:
    member = standing(ScriptedClient())
    member.join()
    assert member.session(99).joined_ns == 99


def session(refusal: str) -> StandingSession:
    return StandingSession(StandingRole.IDLE, "1", 0, 1, 2, refusal=refusal)


def test_a_check_without_evidence_gives_the_reason_why_its_members_could_not_join() -> None:
    record = StandingRecord((session(""), session("the server did not answer `login` within 5 s")))
    assert _reason_unknown(record, Budget(0.0)).endswith("could join: the server did not answer `login` within 5 s")


def test_a_check_without_evidence_counts_as_not_run_if_the_time_was_over() -> None:
    record = StandingRecord((session(""),))
    assert _reason_unknown(record, Budget(None)) == "not checked: the members that only listened received nothing"
    with pytest.raises(BudgetSpent):
        _reason_unknown(record, Budget(0.0))
