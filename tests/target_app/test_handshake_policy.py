"""Tests of the checks for all handshakes: exact origins, and limits."""

from __future__ import annotations

from contextlib import ExitStack

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.target_app.conftest import StartServer
from tests.target_app.people import SECRET, Person, close_of, dial, make_token
from tests.target_app.server import DEADLINE, LOCALLY, Server, wait_until

CHANNELS = ("/ws", "/ws/7", "/dashboard-feed", "/echo/json", "/rooms/gate", "/notifications")


def status_of(server: Server, path: str, origin: str | None) -> int:
    """Return the HTTP status of a handshake."""
    try:
        with dial(server, path, origin=origin):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize("path", CHANNELS)
def test_a_page_of_another_origin_is_refused_everywhere(server: Server, path: str) -> None:
    assert status_of(server, path, "https://evil.example") == 403
    assert status_of(server, path, None) == 101


@pytest.mark.parametrize("pattern", ["http://127.0.0.1:{}", "http://localhost:{}", "https://localhost:{}"])
def test_the_servers_own_pages_are_accepted(server: Server, pattern: str) -> None:
    assert status_of(server, "/ws", pattern.format(server.port)) == 101


@pytest.mark.parametrize(
    "pattern",
    ["http://127.0.0.1", "http://127.0.0.1:1{}", "http://127.0.0.1:{}.evil.example", "http://LOCALHOST:{}", "null", ""],
)
def test_an_origin_that_resembles_the_own_one_is_refused(server: Server, pattern: str) -> None:
    assert status_of(server, "/ws", pattern.format(server.port)) == 403


def test_a_list_of_origins_takes_the_place_of_the_servers_own(start_server: StartServer) -> None:
    server = start_server(allowed_origins="https://chat.example, https://b.example:8443", allow_null_origin=True)
    allowed = ["https://chat.example", "https://b.example:8443", "null", None]
    assert [status_of(server, "/ws", origin) for origin in allowed] == [101] * 4
    denied = ["https://b.example", "http://chat.example", f"http://localhost:{server.port}"]
    assert [status_of(server, "/ws", origin) for origin in denied] == [403] * 3


def test_a_host_header_of_the_attackers_choice_changes_nothing(server: Server) -> None:
    """DNS rebinding: the attacker's name resolves to this server, so that Host and Origin agree."""
    headers = {"Host": "evil.example", "Origin": "http://evil.example", "Connection": "Upgrade", "Upgrade": "websocket"}
    headers |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    assert httpx.get(server.url("/ws", "http"), headers=headers, **LOCALLY).status_code == 403


def test_the_open_channels_can_be_closed_with_one_setting(start_server: StartServer) -> None:
    server = start_server(open_channels=False, secret=SECRET)
    for path in ("/ws", "/ws/7", "/dashboard-feed", "/echo/json"):
        with dial(server, path) as socket:
            assert close_of(socket) == (1008, "channel_closed")
    with dial(server, f"/rooms/x?token={make_token('ada')}") as socket:
        assert Person(socket).read()["type"] == "welcome"


def test_closed_channels_stay_closed_when_mounted_and_when_channels_are_added(
    start_server: StartServer,
) -> None:
    """uvicorn puts the root path in front of every path. The channels of `faulty_channel` do not check the setting."""
    app = "tests.target_app.faulty_channel:app --root-path /below"
    server = start_server(app, open_channels=False, secret=SECRET)
    for path in ("/ws", "/ws/7", "/echo/json", "/dashboard-feed", "/news"):
        with dial(server, path) as socket:
            assert close_of(socket) == (1008, "channel_closed")
    with dial(server, f"/rooms/x?token={make_token('ada')}") as socket:
        assert Person(socket).read()["type"] == "welcome"


@pytest.mark.parametrize("app", ["target_app", "target_app --direct"])
def test_a_refused_connection_never_reaches_its_channel(start_server: StartServer, app: str) -> None:
    server = start_server(app, open_channels=False, max_connections=1, secret=SECRET)
    path = f"/rooms/x?token={make_token('ada')}"
    with dial(server, "/ws") as socket:
        assert close_of(socket) == (1008, "channel_closed")
    wait_until(lambda: server.stats()["open"] == 0, "its place is free")
    with dial(server, path) as inside:
        assert Person(inside).read()["type"] == "welcome"
        with dial(server, path) as socket:
            assert close_of(socket) == (1013, "too_many_connections")
        assert server.stats()["open"] == 1
    server.stop()
    log = server.log()
    assert log.count("ended channel=gate") == 2
    assert "Traceback" not in log


def test_handshakes_from_one_address_are_counted(start_server: StartServer) -> None:
    server = start_server(handshakes_per_minute=3, trusted_addresses="")
    assert [status_of(server, "/ws", None) for _ in range(3)] == [101] * 3
    with pytest.raises(InvalidStatus) as refused:
        dial(server, "/ws").__enter__()
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["retry-after"] == "60"


def test_on_untyped_channels_too_many_messages_end_the_connection(start_server: StartServer) -> None:
    server = start_server(open_message_rate=0.001, open_message_burst=5, trusted_addresses="")
    for path in ("/ws", "/ws/7", "/dashboard-feed", "/echo/json"):
        with dial(server, path) as socket:
            for _ in range(6):
                socket.send("1")
            assert close_of(socket) == (1008, "too_many_messages")


def test_programs_on_this_host_may_send_as_they_like(start_server: StartServer) -> None:
    server = start_server(open_message_rate=0.001, open_message_burst=5)
    with dial(server, "/ws") as socket:
        for _ in range(50):
            socket.send("1")
        assert [socket.recv(DEADLINE) for _ in range(50)] == ["Message received: 1"] * 50


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"max_connections": 2}, "too_many_connections"),
        ({"max_connections_per_address": 2, "trusted_addresses": ""}, "too_many_connections_of_address"),
    ],
)
def test_a_connection_over_the_limit_is_refused_and_a_slot_becomes_free_again(
    start_server: StartServer, settings: dict[str, object], reason: str
) -> None:
    server = start_server(**settings)
    with ExitStack() as stack:
        first, _second = (stack.enter_context(dial(server, "/ws")) for _ in range(2))
        with dial(server, "/ws") as third:
            assert close_of(third) == (1013, reason)
        assert server.get("/").status_code == 200, "the connection limit must not apply to plain HTTP"
        first.close()
        wait_until(lambda: server.stats()["open"] == 1, "the first one's place is free")

        def enters() -> bool:
            with dial(server, "/ws") as newcomer:
                newcomer.send("hi")
                try:
                    return newcomer.recv(DEADLINE) == "Message received: hi"
                except ConnectionClosed:
                    return False

        wait_until(enters, "a newcomer gets the free place")


def test_one_user_has_only_so_many_connections(start_server: StartServer) -> None:
    server = start_server(max_connections_per_user=2, secret=SECRET)
    path = f"/rooms/x?token={make_token('ada')}"
    with dial(server, path) as one, dial(server, path) as two:
        assert Person(one).read()["type"] == Person(two).read()["type"] == "welcome"
        with dial(server, path) as three:
            assert Person(three).read()["code"] == "too_many_connections"
            assert close_of(three) == (1013, "too_many_connections_of_user")
        with dial(server, f"/rooms/x?token={make_token('grace')}") as grace:
            assert Person(grace).read()["type"] == "welcome"
