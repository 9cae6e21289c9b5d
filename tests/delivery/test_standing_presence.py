"""Tests of when standing members are connected, and which part of their time is judged."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import pytest

from wsproof import Parsed, Workload, WorkloadError
from wsproof.delivery.catalogue import properties_of
from wsproof.delivery.channel_probe import ChannelProbe
from wsproof.delivery.standing import StandingAudience, _ChannelMembers
from wsproof.delivery.standing_connection import StandingConnection
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.model.standing import StandingRole
from wsproof.net.client import Client
from wsproof.wire import Event, TextMessage
from wsproof.workloads import load_channels
from wsproof.workloads.chat import Chat
from wsproof.workloads.conversation import Conversation

TUTORIAL = load_channels("tutorial")


@pytest.mark.parametrize("channel", ["echo", "chat", "dashboard"])
def test_standing_members_stay_connected_from_the_first_checks_to_the_last_ones(channel: str) -> None:
    """Checks that need an empty channel are the first ones, or the last ones. Between them, no member has to leave."""
    checks = [
        check for check in properties_of(TUTORIAL[channel]) if not (isinstance(check, ChannelProbe) and check.turn)
    ]
    away = [at for at, check in enumerate(checks) if check.standing is StandingPresence.AWAY]
    ends = [-1, *away, len(checks)]
    begin, end = max(pairwise(ends), key=lambda stay: stay[1] - stay[0])
    assert begin <= 3, "the longest stay begins after the first checks"
    assert end - begin - 1 >= 0.7 * (len(checks) - begin - 1)


def test_checks_that_follow_the_judgement_keep_standing_members_away() -> None:
    probes = [check for check in properties_of(TUTORIAL["chat"]) if isinstance(check, ChannelProbe)]
    at = [probe.name for probe in probes].index("long-lived-listeners")
    assert all(probe.standing is StandingPresence.AWAY for probe in probes[at + 1 :])


class Unreadable(Chat):
    """A workload that raises over every message."""

    def read(self, member: int, message: str | bytes) -> Parsed:
        raise WorkloadError("not JSON")


class FakeClient:
    """A connection whose events the test sets."""

    ended = False

    def __init__(self) -> None:
        self.events: list[Event] = []

    @property
    def event_times_ns(self) -> list[int]:
        return [1] * len(self.events)

    def receive_nowait(self) -> None:
        pass

    def take_events(self) -> list[Event]:
        events, self.events = self.events, []
        return events


def member_of(workload: Workload) -> tuple[StandingConnection, FakeClient]:
    client = FakeClient()
    talk = Conversation(workload, 1)
    return StandingConnection(workload, 1, StandingRole.IDLE, cast(Client, client), talk, connected_ns=1), client


def test_a_message_that_the_workload_cannot_read_is_ignored_once_malformed_messages_were_sent() -> None:
    member, client = member_of(Unreadable())
    client.events = [TextMessage("{", 1)]
    with pytest.raises(WorkloadError):
        member.read()
    channel = _ChannelMembers(member.workload, [member])
    channel.begin_unjudged()
    channel.end_unjudged()
    client.events = [TextMessage("{", 1)]
    member.read()  # a late effect of the malformed message


def test_a_disconnection_beside_a_disturbing_check_is_no_idle_cut() -> None:
    member, _ = member_of(Chat())
    channel = _ChannelMembers(member.workload, [member], unjudged=[(10, 20)])
    for ended_ns, judged_ns in ((9, 99), (10, 10), (15, 10), (21, 99), (0, 99)):
        member.ended_ns = ended_ns
        assert channel.judged_until_ns(member, 99) == judged_ns
    channel.unjudged_since_ns, member.ended_ns = 30, 35
    assert channel.judged_until_ns(member, 99) == 30, "the check still runs"


def test_the_times_of_disturbing_checks_are_kept() -> None:
    audience = StandingAudience(0)
    try:
        with audience.unjudged("chat"):
            pass
        assert audience.record("chat").unjudged == (), "it has no members there"
        audience._channels["chat"] = _ChannelMembers(Chat())
        with audience.unjudged("chat"):
            pass
        ((begin_ns, end_ns),) = audience.record("chat").unjudged
        assert 0 < begin_ns <= end_ns
    finally:
        audience.stop()
