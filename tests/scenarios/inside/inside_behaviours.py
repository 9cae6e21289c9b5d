"""Tests of users that never publish, that read slowly or not at all, that come late, or that come and go."""

from __future__ import annotations

from typing import Any

import gevent
import pytest

from tests.scenarios.inside.inside_live import environment
from tests.scenarios.inside.inside_workload_run import FakeConnection, hear, say
from wsproof.checks import run_checks
from wsproof.locust import (
    ChannelUser,
    Churner,
    LateJoiner,
    Lurker,
    SlowReader,
    StalledReader,
    behaviours,
    registry,
    target,
)
from wsproof.locust.session import session_of
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model.history import Departure
from wsproof.model.nanoseconds import NS
from wsproof.net.endpoint import parse_url
from wsproof.stats.deliveries import deliveries
from wsproof.stats.recovery import users_cut_off
from wsproof.workloads.chat import Chat


class LobbyUser(ChannelUser):
    channel = Chat
    host = "ws://127.0.0.1:1"


class ListeningUser(Lurker):
    beside = LobbyUser


class StalledUser(StalledReader):
    beside = LobbyUser
    reads_s = 0.0


class SlowUser(SlowReader):
    beside = LobbyUser
    pause_s = 0.0


class LateUser(LateJoiner):
    beside = LobbyUser
    joins_after_s = 0.0


class ChurningUser(Churner):
    beside = LobbyUser
    stays_s = 10.0


class ClosedEvent:
    """Replaces the event of a closed connection. Waits return at once, and their lengths are recorded."""

    def __init__(self) -> None:
        self.waits_s: list[float] = []
        self._is_set = False

    def wait(self, timeout_s: float) -> bool:
        self.waits_s.append(timeout_s)
        return self._is_set

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True


class RecordingConnection(FakeConnection):
    """A connection that records what its user does with it."""

    def __init__(self, member: int) -> None:
        super().__init__(member)
        self.gone = ClosedEvent()
        self.calls: list[str] = []

    def stop_reading(self) -> None:
        self.calls.append("stop reading")

    def read_once(self) -> None:
        self.calls.append("read")

    def close(self, deadline_s: float) -> None:
        self.calls.append("close")
        self.gone.set()


class Room:
    """A run of LobbyUser, with users of other classes in the same run."""

    def __init__(self) -> None:
        self.environment = environment()
        self.environment.host = None
        self.environment.user_classes = [LobbyUser, ListeningUser, StalledUser, SlowUser, LateUser, ChurningUser]
        session_of(self.environment).begin_test()
        self.run = WorkloadRun(self.environment, Chat(), parse_url("ws://127.0.0.1:1"), rate_hz=0.001, payload_bytes=60)
        assert self.run.publisher.pacer is not None
        self.run.publisher.pacer.stop()
        self.run.pulse.stop()
        session_of(self.environment).runs[LobbyUser] = self.run

    def user(self, user_class: type[ChannelUser]) -> Any:
        """Return a user of this class that has joined."""
        user: Any = user_class(self.environment)
        user.room, user.has_room = self.run, True
        user.member = self.run.join(may_publish=user_class.may_publish)
        user.line = RecordingConnection(user.member)
        self.run.connected(user.line, connect_ns=5)
        return user

    def all_receive_from_first(self, *users: Any) -> None:
        """Deliver a message of the first user to all of them, and the reply to the first, so that all are present."""
        message = say(self.run, users[0].line)
        hear(self.run, message, *(user.member for user in users))
        hear(self.run, f"You: {message.partition(' says: ')[2]}", users[0].member)

    def findings(self) -> list[str]:
        self.run.stop_publishing()
        self.run.recorder.drained_ns = self.run.recorder.end_ns + 5 * NS
        return [finding.check for finding in run_checks(self.run.measurement().history, self.run.contract)]


@pytest.fixture
def room() -> Any:
    room = Room()
    yield room
    room.run.close()


def test_users_beside_others_share_their_run_and_server(room: Room) -> None:
    assert registry.room_classes(room.environment) == [LobbyUser]
    assert target.our_classes(room.environment) == [LobbyUser]


def test_a_listener_receives_and_never_publishes(room: Room) -> None:
    first, quiet = room.user(LobbyUser), room.user(ListeningUser)
    assert list(room.run.publisher.pacer.speakers) == [first.member]  # type: ignore[union-attr]
    room.all_receive_from_first(first, quiet)
    assert room.run.members.present == {first.member, quiet.member}


@pytest.mark.parametrize(("user_class", "calls"), [(StalledUser, []), (SlowUser, ["read"])])
def test_nothing_is_expected_of_a_member_that_does_not_keep_up(room: Room, user_class: Any, calls: list[str]) -> None:
    first, second, slow = room.user(LobbyUser), room.user(LobbyUser), room.user(user_class)
    room.run.ramp.all_spawned(3)
    room.all_receive_from_first(first, second, slow)
    room.all_receive_from_first(first, second, slow)
    message = say(room.run, first.line)
    slow.behave(slow.line)
    assert slow.line.calls == ["stop reading", *calls]
    assert [member for key, member in room.run.pending.pairs() if key[0] == 0] == [first.member, second.member]
    hear(room.run, message, first.member, second.member)
    assert "lost" not in room.findings()
    assert room.run.measurement().history.members[slow.member].stalled


def test_late_receipts_of_a_slow_member_do_not_count_as_latency(room: Room) -> None:
    first, slow = room.user(LobbyUser), room.user(SlowUser)
    room.run.ramp.all_spawned(2)
    room.all_receive_from_first(first, slow)
    slow.behave(slow.line)
    before = len(room.run.stats.latency.samples_ns)
    hear(room.run, say(room.run, first.line), slow.member)
    assert len(room.run.stats.latency.samples_ns) == before
    assert room.run.members.present == {first.member}
    assert not room.run._drain.somebody_is_new()
    assert len(deliveries(room.run.measurement().history).received_ns) == 1  # by the first member


def test_a_server_may_end_the_connection_of_a_slow_member(room: Room) -> None:
    first, second, slow = room.user(LobbyUser), room.user(LobbyUser), room.user(SlowUser)
    room.run.ramp.all_spawned(3)
    room.all_receive_from_first(first, second, slow)
    room.all_receive_from_first(first, second, slow)
    slow.behave(slow.line)
    room.run.ended(slow.member, 1011)
    assert room.run.environment.stats.errors == {}
    connections = room.run.live._connections()
    assert (connections.receiving, connections.ended) == (2, 0)
    assert not {"disconnected", "stalled-by-other-member"} & set(room.findings())
    assert users_cut_off(room.run.measurement().history) == 0


def test_the_members_beside_a_stalled_one_are_still_checked(room: Room) -> None:
    users = [room.user(LobbyUser), room.user(LobbyUser), room.user(StalledUser)]
    room.run.ramp.all_spawned(3)
    room.all_receive_from_first(*users)
    room.all_receive_from_first(*users)
    room.run.stop_expecting(users[2].member)
    room.all_receive_from_first(users[0], users[1])
    say(room.run, users[0].line)  # and the server waits for the stalled member
    assert "stalled-by-other-member" in room.findings()


def test_the_window_does_not_wait_for_late_joiners(room: Room) -> None:
    session_of(room.environment).spawned = {"LobbyUser": 2, "ListeningUser": 1, "LateUser": 5}
    for kind in (LobbyUser, LobbyUser):
        room.user(kind)
    registry.pass_spawned_counts(room.environment)
    assert not room.run.ramp.has_begun.is_set()
    room.user(ListeningUser)
    assert room.run.ramp.has_begun.is_set()


def test_a_late_joiner_joins_once_the_window_has_begun(room: Room) -> None:
    late: Any = LateUser(room.environment)
    joined = []
    late._connect = lambda: joined.append(room.run.ramp.has_begun.is_set())
    coming = gevent.spawn(late.on_start)
    gevent.sleep(0)
    assert joined == []
    room.run.ramp.has_begun.set()
    with gevent.Timeout(90):
        coming.get()
    assert joined == [True]


def test_a_churning_user_leaves_after_its_time_and_returns_as_the_same_user(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(behaviours, "monotonic_ns", lambda: 1_000 * NS)
    monkeypatch.setattr("wsproof.locust.behaviours.random.uniform", lambda low, high: high)
    first, user = room.user(LobbyUser), room.user(ChurningUser)
    room.all_receive_from_first(first, user)
    user.behave(user.line)
    assert (user.line.gone.waits_s, user.line.calls) == ([15.0], ["close"])
    old = room.run.members[user.member]
    assert (old.departure, old.stalled) == (Departure.CLOSED, False)
    assert room.run.environment.stats.errors == {}
    user._open = lambda: (None, None)
    user.connect_again()
    assert room.run.members[-1].replaces == old.number
    assert room.run.members.users == 2


def test_a_churning_user_that_the_server_disconnects_does_not_close(room: Room) -> None:
    user = room.user(ChurningUser)
    user.line.gone.set()
    user.behave(user.line)
    assert user.line.calls == []
    assert user.leaves_ns == 0


@pytest.mark.parametrize("kind", [Churner, LateJoiner, Lurker, SlowReader, StalledReader])
def test_an_imported_behaviour_is_not_picked_by_locust(kind: type[ChannelUser]) -> None:
    assert kind.abstract
    assert [getattr(each, "__name__", "") for each in kind.tasks] == ["stay"]
