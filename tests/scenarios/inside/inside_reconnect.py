"""Tests of users that come back. The server is played by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent.event import AsyncResult
from locust.exception import StopUser

from tests.net.hand import HandServer, accept_handshake
from tests.scenarios.inside.inside_live import environment
from tests.scenarios.inside.inside_workload_run import FakeConnection
from wsproof.locust.behaviours import ReturningUser
from wsproof.locust.generator_fault import HandshakeBroken
from wsproof.locust.pacer import RunPacer
from wsproof.locust.session import session_of
from wsproof.locust.workload_run import WorkloadRun
from wsproof.model.history import Departure
from wsproof.model.member_ids import MemberIds
from wsproof.wire import Frame, Opcode
from wsproof.workloads.chat import Chat

DEADLINE = 90.0


class ChatUser(ReturningUser):
    channel = Chat
    first_wait_s = 0.001
    longest_wait_s = 0.004


@pytest.fixture
def server() -> Iterator[HandServer]:
    with HandServer() as server:
        yield server


@pytest.fixture
def user(server: HandServer) -> Iterator[ChatUser]:
    """A user that has connected, in a run of its own."""
    made = environment()
    session_of(made).begin_test()
    run = WorkloadRun(made, Chat(), server.endpoint, rate_hz=0.001, payload_bytes=60, user_class="ChatUser")
    assert run.publisher.pacer is not None
    run.publisher.pacer.stop()
    session_of(made).runs[ChatUser] = run
    user = ChatUser(made)
    user.room, user.has_room = run, True
    user.member = run.join()
    in_background(user._open, server)
    yield user
    run.close()


def in_background(action: Any, server: HandServer) -> Any:
    """Run an action that opens a connection, which the server accepts. Returns the server's side."""
    opening = gevent.spawn(action)
    sock = server.accept()
    accept_handshake(sock)
    with gevent.Timeout(DEADLINE):
        opening.get()
    server.last = sock  # type: ignore[attr-defined]
    return sock


def end_by_server(user: ChatUser, server: HandServer) -> None:
    server.last.sendall(Frame(Opcode.CLOSE, (1012).to_bytes(2, "big")).encode())  # type: ignore[attr-defined]
    assert user.line is not None
    with gevent.Timeout(DEADLINE):
        user.line.gone.wait()


def test_a_user_returns_as_a_new_member(user: ChatUser, server: HandServer) -> None:
    end_by_server(user, server)
    in_background(user.on_connection_gone, server)
    old, new = user.room.members
    assert (old.departure, old.close_code) == (Departure.DROPPED, 1012)
    assert (new.replaces, new.departure) == (0, Departure.STAYED)
    assert new.connected_ns >= old.left_ns
    assert user.room.members.users == 1
    assert user.room.measured().measurement.plan.subscribers == 1
    assert list(user.room.publisher.pacer.lost) == []  # type: ignore[union-attr]


def test_publications_due_during_an_absence_are_planned_once_per_user(user: ChatUser, server: HandServer) -> None:
    end_by_server(user, server)
    assert user.room.members.audience_without_failures(0) == 1
    in_background(user.on_connection_gone, server)
    assert user.room.members.audience_without_failures(1) == 1


def test_an_attempt_that_fails_is_a_failure_and_no_new_member(user: ChatUser, server: HandServer) -> None:
    end_by_server(user, server)
    coming = gevent.spawn(user.on_connection_gone)
    for _ in range(2):
        sock = server.accept()
        sock.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        sock.close()
    accept_handshake(server.accept())
    with gevent.Timeout(DEADLINE):
        coming.get()
    assert [member.replaces for member in user.room.members] == [-1, 0]
    failures = {row.name: row.occurrences for row in user.room.environment.stats.errors.values()}
    assert failures == {"chat: connection": 1, "chat: reconnect": 2}


def test_a_first_connect_that_fails_is_tried_again(user: ChatUser, server: HandServer) -> None:
    late = ChatUser(user.environment)
    session_of(user.environment).share = AsyncResult()
    session_of(user.environment).share.set(MemberIds(0, True))  # type: ignore[union-attr]
    late.environment.host = user.room.endpoint_url
    coming = gevent.spawn(late.on_start)
    sock = server.accept()
    sock.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
    sock.close()
    with gevent.Timeout(DEADLINE):
        coming.get()
    assert len(user.room.members) == 2
    in_background(late.on_connection_gone, server)
    assert late.line is not None
    _, refused, back = user.room.members
    assert (refused.departure, back.departure, back.replaces) == (Departure.REFUSED, Departure.STAYED, refused.number)
    assert user.room.members.users == 2
    failures = {row.name: row.occurrences for row in user.room.environment.stats.errors.values()}
    assert failures == {"chat: connect": 1}


def test_a_user_without_a_target_ends() -> None:
    user = ChatUser(environment())
    with pytest.raises(StopUser):
        user.on_connection_gone()


def test_failed_attempts_of_all_users_are_one_row(user: ChatUser, server: HandServer) -> None:
    for member in (user.member, user.room.join()):
        line = FakeConnection(member)
        line.endpoint = server.endpoint.channel(f"/ws/{member}")
        line.abort = lambda: None  # type: ignore[attr-defined]
        user.room.not_back(line, HandshakeBroken(f"no answer at {line.endpoint.url}"))  # type: ignore[arg-type]
    (row,) = user.room.environment.stats.errors.values()
    assert (row.name, row.occurrences) == ("chat: reconnect", 2)
    assert f"no answer at {user.room.endpoint_url}" in str(row.error)


def test_a_user_does_not_return_after_the_end_of_the_test(user: ChatUser, server: HandServer) -> None:
    end_by_server(user, server)
    user.room.stop_publishing()
    with pytest.raises(StopUser):
        user.on_connection_gone()
    assert len(user.room.members) == 1


def test_the_only_task_of_a_user_keeps_it_connected() -> None:
    # A second task would end the user at random.
    assert [getattr(each, "__name__", "") for each in ChatUser.tasks] == ["stay"]


def test_waits_grow_up_to_a_limit() -> None:
    user = ReturningUser.__new__(ReturningUser)
    assert [user.longest_wait(attempt) for attempt in (0, 1, 2, 5, 1000)] == [1.0, 2.0, 4.0, 30.0, 30.0]


def test_a_returned_member_has_no_publications_due_under_its_old_name() -> None:
    pacer = RunPacer(0.001, lambda member, intended_ns: None)
    pacer.stop()
    pacer.add(0)
    pacer.lose(0)
    pacer.replace(7)
    assert list(pacer.lost) == [0]
    pacer.replace(0)
    assert list(pacer.lost) == []
