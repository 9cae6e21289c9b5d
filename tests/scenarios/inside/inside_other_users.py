"""Tests that wsproof leaves users of other classes unchanged, and tests of the client of `WebSocketUser`."""

from __future__ import annotations

import signal
from argparse import Namespace
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from locust import HttpUser, events, task
from locust.env import Environment

from tests.net.hand import HandServer, accept_handshake, read_frame
from tests.scenarios.inside.inside_workload_run import Hook
from wsproof import UsageError
from wsproof.locust import ChannelUser, ConnectionEnded, ReceiveTimeout, WebSocketUser, listeners, target
from wsproof.locust.client import WebSocketClient
from wsproof.locust.locustfile import channels, user_class
from wsproof.locust.registry import as_url, run_of, url_of, workload_of
from wsproof.locust.session import session_of
from wsproof.model.member_ids import SIZE
from wsproof.session.locust_process import VARIABLE, Handover
from wsproof.wire import Frame, Opcode
from wsproof.workloads.chat import Chat
from wsproof.workloads.rooms import Rooms


class Shopper(HttpUser):
    @task
    def look(self) -> None:
        """Do nothing."""


class Lobby(Chat):
    name = "lobby"


class LobbyUser(ChannelUser):
    channel = Lobby
    host = "ws://127.0.0.1:7001"


class OtherLobbyUser(ChannelUser):
    channel = Lobby
    host = "ws://127.0.0.1:7001"


class AnotherHostUser(ChannelUser):
    channel = Lobby
    host = "ws://127.0.0.1:7004"


class Talker(WebSocketUser):
    host = "ws://127.0.0.1:7002"


class Listener(WebSocketUser):
    host = "ws://127.0.0.1:7002"
    heard: list[str]

    def on_message(self, message: str) -> None:
        if message == "bad":
            raise ValueError(message)
        self.heard.append(message)


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the targets that were started or reached."""
    names: list[str] = []

    def reach(environment: Any, name: str, workloads: Any) -> str:
        names.append(name)
        return as_url(name) or "ws://127.0.0.1:7999"

    monkeypatch.setattr(target, "reach", reach)
    return names


def locust(*classes: type, host: str | None = None, **options: Any) -> Environment:
    environment = Environment(user_classes=list(classes), events=events, host=host)
    environment.parsed_options = Namespace(**options)
    environment.create_local_runner()
    return environment


def test_without_a_websocket_user_no_server_starts_and_locust_handles_interrupts(reached: list[str]) -> None:
    environment = locust(Shopper)
    listeners.set_up(environment)
    assert reached == []
    assert environment.host is None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_each_websocket_class_connects_to_its_own_host_and_the_environment_keeps_its_host(reached: list[str]) -> None:
    environment = locust(Shopper, LobbyUser, Talker)
    target.start_targets(environment)
    assert reached == ["ws://127.0.0.1:7001", "ws://127.0.0.1:7002"]
    assert environment.host is None
    assert [url_of(environment, each) for each in (LobbyUser, Talker)] == reached


def test_an_http_user_and_a_websocket_user_share_the_host(reached: list[str]) -> None:
    environment = locust(Shopper, LobbyUser, host="http://127.0.0.1:7003")
    target.start_targets(environment)
    assert environment.host == "http://127.0.0.1:7003"
    assert url_of(environment, LobbyUser) == "ws://127.0.0.1:7003"


def test_a_user_class_of_a_channel_takes_its_settings_and_rate_from_the_options(reached: list[str]) -> None:
    environment = locust(LobbyUser, ws_settings=[], ws_rate="5", ws_payload=64, ws_speakers=1)
    target.start_targets(environment)
    run = run_of(environment, LobbyUser)
    assert run is not None
    assert isinstance(run.workload, Lobby)
    assert (run.rate_hz, run.payload_bytes, run.speakers) == (5.0, 64, 1)
    session_of(environment).begin_test()


def test_two_classes_in_one_channel_have_members_with_different_ids(reached: list[str]) -> None:
    environment = locust(LobbyUser, OtherLobbyUser, AnotherHostUser)
    target.start_targets(environment)
    session = session_of(environment)
    session.owned.update(reached)
    runs = [run_of(environment, each) for each in (LobbyUser, OtherLobbyUser, AnotherHostUser)]
    assert [(run.first_publisher, run.alone) for run in runs if run is not None] == [
        (SIZE, False),
        (2 * SIZE, False),
        (0, True),
    ]
    session.begin_test()


def test_the_option_ws_rooms_sets_the_number_of_rooms_of_a_workload() -> None:
    environment = locust(ws_rooms=3)
    assert workload_of(environment, type("RoomsUser", (ChannelUser,), {"channel": Rooms})).rooms == 3
    assert workload_of(environment, LobbyUser).rooms == 1


def test_a_missing_workload_is_an_error_that_names_the_option() -> None:
    with pytest.raises(UsageError, match="--ws-channels"):
        workload_of(locust(), user_class("chatt"))


def test_two_environments_share_nothing() -> None:
    first, second = locust(LobbyUser), locust(LobbyUser)
    assert session_of(first) is session_of(first) is not session_of(second)


def test_the_locustfile_takes_its_channels_from_the_option_or_from_wsproof_load(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert channels([]) == "tutorial"
    monkeypatch.setenv(VARIABLE, Handover(channels="reference").to_environment()[VARIABLE])
    assert channels(["--headless", "ChatUser"]) == "reference"
    assert channels(["--ws-channels", "shop.ways"]) == "shop.ways"


# The client of `WebSocketUser`.


@pytest.fixture
def server() -> Iterator[HandServer]:
    with HandServer() as server:
        yield server


def connected(server: HandServer, hook: Hook, on_message: Any = None) -> tuple[WebSocketClient, Any]:
    client = WebSocketClient(server.endpoint, hook.fire, on_message)
    opening = gevent.spawn(client.connect, "/room", name="room")
    sock = server.accept()
    accept_handshake(sock)
    opening.get()
    return client, sock


def rows(hook: Hook) -> list[tuple[str, int, bool]]:
    return [(request["name"], request["response_length"], request["exception"] is None) for request in hook.fired]


def test_each_call_is_a_request(server: HandServer) -> None:
    hook = Hook()
    client, sock = connected(server, hook)
    client.send("hello")
    assert read_frame(sock).payload == b"hello"
    sock.sendall(Frame(Opcode.TEXT, b"hi").encode())
    assert client.recv() == "hi"
    sock.sendall(Frame(Opcode.BINARY, b"\x00").encode())
    assert client.ask("what?") == b"\x00"
    assert rows(hook) == [
        ("room: connect", 0, True),
        ("room: send", 5, True),
        ("room: recv", 2, True),
        ("room: ask", 1, True),
    ]
    client.close(0)


def test_a_receive_timeout_and_a_close_by_the_server_are_failures(server: HandServer) -> None:
    hook = Hook()
    client, sock = connected(server, hook)
    with pytest.raises(ReceiveTimeout, match=r"within 0\.01 s"):
        client.recv(0.01)
    sock.sendall(close_frame(1012))
    for _ in range(2):
        with pytest.raises(ConnectionEnded, match="1012"):
            client.recv()
    with pytest.raises(ConnectionEnded):
        client.send("hello")
    assert not client.is_connected
    assert [is_success for *_, is_success in rows(hook)] == [True, False, False, False, False]


def test_on_message_gets_each_message_and_recv_is_refused(server: HandServer) -> None:
    messages: list[str | bytes] = []
    client, sock = connected(server, Hook(), messages.append)
    sock.sendall(Frame(Opcode.TEXT, b"one").encode() + Frame(Opcode.TEXT, b"two").encode())
    with gevent.Timeout(90):
        while len(messages) < 2:
            gevent.sleep(0.001)
    assert messages == ["one", "two"]
    with pytest.raises(UsageError, match="on_message"):
        client.recv()
    client.close(0)


class Waiter:
    """Waits until a number of requests have been fired."""

    def __init__(self, hook: Hook) -> None:
        self.hook = hook

    def __call__(self, count: int) -> list[tuple[str, int, bool]]:
        with gevent.Timeout(90):
            while len(self.hook.fired) < count:
                gevent.sleep(0.001)
        return rows(self.hook)


def close_frame(code: int) -> bytes:
    return Frame(Opcode.CLOSE, code.to_bytes(2, "big")).encode()


def test_the_end_of_a_connection_is_a_failure_at_once_for_a_user_with_on_message(server: HandServer) -> None:
    hook = Hook()
    client, sock = connected(server, hook, lambda message: None)
    sock.sendall(close_frame(1001))
    assert Waiter(hook)(2)[1] == ("room: connection", 0, False)
    assert "1001" in str(hook.fired[1]["exception"])
    client.close(0)
    assert len(hook.fired) == 2


@pytest.mark.parametrize(("code", "failures"), [(1000, []), (1001, [("room: connection", 0, False)])])
def test_an_end_that_no_call_has_noticed_is_a_failure_when_the_user_closes(
    server: HandServer, code: int, failures: list[Any]
) -> None:
    hook = Hook()
    client, sock = connected(server, hook)
    sock.sendall(close_frame(code))
    with gevent.Timeout(90):
        while client.is_connected:
            gevent.sleep(0.001)
    client.close(0)
    client.close(0)
    assert rows(hook)[1:] == failures


def test_an_exception_of_on_message_is_an_error_of_the_user_and_the_next_message_comes(reached: list[str]) -> None:
    environment = locust(Listener)
    target.start_targets(environment)
    errors: list[tuple[Any, Exception]] = []
    environment.events.user_error.add_listener(  # type: ignore[no-untyped-call]
        lambda user_instance, exception, tb: errors.append((user_instance, exception))
    )
    user = Listener(environment)
    user.heard = []
    for message in ("bad", "good"):
        user._hand_over(message)
    assert user.heard == ["good"]
    assert [(who, str(fault)) for who, fault in errors] == [(user, "bad")]
    assert environment.runner is not None
    assert environment.runner.exceptions


def test_tags_leave_members_in_their_channel(reached: list[str]) -> None:
    environment = locust(Talker, LobbyUser, tags=["spoken"])
    environment._filter_tasks_by_tags()
    listeners.begin(environment)
    assert LobbyUser.tasks == [ChannelUser.stay]
    session_of(environment).watcher.stop()  # type: ignore[union-attr]


def test_a_user_has_a_client_at_its_target(reached: list[str]) -> None:
    environment = locust(Talker)
    target.start_targets(environment)
    user = Talker(environment)
    assert isinstance(user.ws, WebSocketClient)
    user.on_stop()
