"""Tests of the small server in a separate process, with peers that behave well or badly."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psutil
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Subprotocol

from tests.target_app.conftest import Enter, EnterRaw, StartServer
from tests.target_app.peers import BINARY, TEXT, RawPeer, flood_until_stuck
from tests.target_app.people import close_of, dial
from tests.target_app.server import DEADLINE, Server, wait_until

LITE = "target_app.lite"
APPS = [LITE, "target_app.lite.app:app"]
"""The server's own command, and plain uvicorn."""

FAIR = " --ws target_app.lite.reading:FairProtocol"

PROTOCOL = Subprotocol("lite.v1")

Call = Callable[..., ClientConnection]


@pytest.fixture
def call() -> Iterator[Call]:
    """Connect clients with the handshake that the test needs. They are closed after it."""
    with ExitStack() as stack:
        yield lambda server, path, **options: stack.enter_context(dial(server, path, **options))


def hears(client: ClientConnection, wanted: str) -> None:
    """Read until this message. Fails at the deadline."""
    while client.recv(DEADLINE) != wanted:
        pass


def has_socket_of(server: Server, peer: RawPeer) -> bool:
    there = peer.socket.getsockname()[1]
    connections = psutil.Process(server.process.pid).net_connections("tcp")
    return any(connection.raddr and connection.raddr.port == there for connection in connections)


@pytest.mark.parametrize("app", APPS)
def test_echo_chat_and_dashboard_speak_the_tutorials_format(start_server: StartServer, enter: Enter, app: str) -> None:
    server = start_server(app, dashboard_period=0.05)
    echo, seven, eight = enter(server, "/ws"), enter(server, "/ws/7"), enter(server, "/ws/8")
    echo.send("hello")
    assert echo.recv(DEADLINE) == "Message received: hello"
    echo.send(b"\x00\xff")
    assert echo.recv(DEADLINE) == b"\x00\xff"
    eight.send("ready")
    assert [eight.recv(DEADLINE), eight.recv(DEADLINE)] == ["You: ready", "Client #8 says: ready"]
    hears(seven, "Client #8 says: ready")
    seven.close()
    assert eight.recv(DEADLINE) == "Client #7 left the chat"
    first, second = enter(server, "/dashboard-feed"), enter(server, "/dashboard-feed")
    reading = json.loads(first.recv(DEADLINE))
    assert 0 <= reading["cpu_usage"] <= 100
    assert 0 < reading["memory_usage"] <= 100
    assert reading["active_users"] == 3
    assert reading["response_time"] >= 0
    shared = {second.recv(DEADLINE) for _ in range(3)}
    shared.discard(json.dumps(reading))
    while shared:  # both get the same readings
        shared.discard(first.recv(DEADLINE))
    assert server.stop() == -signal.SIGTERM
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("app", APPS)
def test_a_member_that_never_reads_delays_nobody_and_is_cut_off(
    start_server: StartServer, enter: Enter, stalled: EnterRaw, app: str
) -> None:
    server = start_server(app, outbox_bytes=262_144, write_timeout=3600)
    sleeper = stalled(server, "/ws/sleeper")
    speaker = enter(server, "/ws/speaker")
    for _ in range(500):
        speaker.send("x" * 60_000)
        answers = {speaker.recv(DEADLINE), speaker.recv(DEADLINE)}
        if "Client #sleeper left the chat" in answers:
            break
    else:
        pytest.fail("30 MB went to a member that reads nothing")
    wait_until(lambda: not has_socket_of(server, sleeper), "its socket is closed, though it still reads nothing")
    assert server.stop() == -signal.SIGTERM
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("app", APPS)
def test_a_flooder_that_takes_nothing_for_the_write_timeout_is_cut_off(
    start_server: StartServer, stalled: EnterRaw, app: str
) -> None:
    server = start_server(app, write_timeout=0.2, sweep_interval=0.05, message_burst=1_000_000)
    flooder = stalled(server, "/ws")
    flood_until_stuck(flooder)
    wait_until(lambda: not has_socket_of(server, flooder), "its socket is closed, though it still reads nothing")
    assert server.stop() == -signal.SIGTERM
    assert "Traceback" not in server.log()


@pytest.mark.parametrize("leave", ["hang_up", "reset", "binary"])
def test_a_departure_is_announced_once_in_every_way_of_leaving(
    start_server: StartServer, enter: Enter, raw: EnterRaw, leave: str
) -> None:
    server = start_server(LITE)
    rest, goer = enter(server, "/ws/rest"), raw(server, "/ws/goer")
    goer.send(TEXT, b"here")
    assert rest.recv(DEADLINE) == "Client #goer says: here"
    if leave == "binary":
        goer.send(BINARY, b"\x00")
    else:
        getattr(goer, leave)()
    assert rest.recv(DEADLINE) == "Client #goer left the chat"
    rest.send("still here")
    assert [rest.recv(DEADLINE), rest.recv(DEADLINE)] == ["You: still here", "Client #rest says: still here"]
    assert "Traceback" not in server.log()


def test_messages_sent_right_before_a_departure_are_delivered(
    start_server: StartServer, enter: Enter, raw: EnterRaw
) -> None:
    server = start_server(LITE)
    rest, goer = enter(server, "/ws/rest"), raw(server, "/ws/goer")
    for number in range(50):
        goer.send(TEXT, f"{number}".encode())
    goer.hang_up()  # unread answers turn the close into a reset, so the server's next write fails
    heard = []
    while (message := rest.recv(DEADLINE)) != "Client #goer left the chat":
        heard.append(message)
    assert heard == [f"Client #goer says: {number}" for number in range(len(heard))]


@pytest.mark.parametrize("app", APPS)
def test_sigterm_tells_everybody_1012(start_server: StartServer, enter: Enter, app: str) -> None:
    server = start_server(app)
    members = [enter(server, path) for path in ("/ws", "/ws/1", "/dashboard-feed")]
    members[0].send("last words")
    server.process.terminate()
    assert {close_of(member) for member in members} == {(1012, "server_restart")}
    assert server.stop() == -signal.SIGTERM
    assert "Traceback" not in server.log()


def stall(server: Server, stalled: EnterRaw) -> None:
    """Leave a member that does not read, with a pending write to it."""
    stalled(server, "/ws/sleeper")
    with server.connect("/ws/speaker") as speaker:
        for _ in range(80):
            speaker.send("x" * 60_000)
            speaker.recv(DEADLINE)
            speaker.recv(DEADLINE)


@pytest.mark.parametrize("app", APPS)
def test_sigterm_ends_a_server_with_a_member_that_does_not_read(
    start_server: StartServer, stalled: EnterRaw, app: str
) -> None:
    server = start_server(app, outbox_bytes=64_000_000, write_timeout=3600, close_timeout=0.2)
    stall(server, stalled)
    assert server.stop() == -signal.SIGTERM
    assert "Traceback" not in server.log()


def test_a_draining_server_refuses_connections_and_a_second_signal_ends_it(
    start_server: StartServer, stalled: EnterRaw
) -> None:
    server = start_server(LITE, outbox_bytes=64_000_000, write_timeout=3600, close_timeout=600)
    stall(server, stalled)
    server.process.terminate()
    wait_until(lambda: server.get("/healthz").status_code == 503, "it says that it is on its way out")
    with pytest.raises(InvalidStatus) as refused:
        server.connect("/ws/late")
    assert refused.value.response.status_code == 503
    assert int(refused.value.response.headers["Retry-After"]) > 0
    server.process.terminate()
    assert server.process.wait(DEADLINE) == -signal.SIGTERM


@pytest.mark.parametrize("app", APPS)
def test_the_longest_allowed_message_comes_back_and_one_byte_more_is_1009(
    start_server: StartServer, enter: Enter, app: str
) -> None:
    server = start_server(app, max_message_bytes=1000)
    client = enter(server, "/ws")
    client.send("é" * 500)
    assert client.recv(DEADLINE) == "Message received: " + "é" * 500
    client.send("é" * 500 + "x")
    assert close_of(client)[0] == 1009
    feed = enter(server, "/dashboard-feed")
    feed.send(bytes(1001))
    assert close_of(feed)[0] == 1009


def test_too_many_messages_end_the_connection_and_no_other(start_server: StartServer, enter: Enter) -> None:
    server = start_server(LITE, message_rate=0.001, message_burst=3)
    flooder, other = enter(server, "/ws"), enter(server, "/ws")
    for _ in range(3):
        flooder.send("x")
        assert flooder.recv(DEADLINE) == "Message received: x"
    flooder.send("x")
    assert close_of(flooder) == (1008, "too_many_messages")
    other.send("y")
    assert other.recv(DEADLINE) == "Message received: y"


def test_a_connection_over_the_limit_is_refused_and_a_slot_becomes_free_again(
    start_server: StartServer, enter: Enter
) -> None:
    server = start_server(LITE, max_connections=1)
    first = enter(server, "/ws")
    assert close_of(enter(server, "/ws")) == (1013, "too_many_connections")
    first.close()
    wait_until(lambda: echoes(server), "there is room again")


def echoes(server: Server) -> bool:
    with server.connect("/ws") as client:
        try:
            client.send("hello")
            return client.recv(DEADLINE) == "Message received: hello"
        except ConnectionClosed:
            return False


@pytest.mark.parametrize("path", ["/ws", "/ws/7", "/dashboard-feed"])
def test_a_page_of_another_origin_is_refused_everywhere(start_server: StartServer, call: Call, path: str) -> None:
    server = start_server(LITE)
    for origin in ("https://evil.example", "null", f"http://127.0.0.1:{server.port}.evil.example"):
        with pytest.raises(InvalidStatus) as refused:
            call(server, path, origin=origin)
        assert refused.value.response.status_code == 403
    call(server, path, origin=server.url("", "http"))
    assert "Traceback" not in server.log()


def test_a_list_of_origins_takes_the_place_of_its_own(start_server: StartServer, call: Call) -> None:
    server = start_server(LITE, allowed_origins="https://chat.example,https://www.chat.example")
    call(server, "/ws", origin="https://www.chat.example")
    with pytest.raises(InvalidStatus):
        call(server, "/ws", origin=server.url("", "http"))


def test_a_token_is_accepted_in_every_form_and_is_in_no_log(start_server: StartServer, call: Call) -> None:
    token = "a-token-for-tests"
    server = start_server(LITE, token=token)
    by_header = call(server, "/ws", additional_headers={"Authorization": f"Bearer {token}"})
    by_protocol = call(server, "/ws", subprotocols=[PROTOCOL, Subprotocol(f"bearer.{token}")])
    by_message = call(server, "/ws")
    by_message.send(f"Bearer {token}")
    assert by_protocol.subprotocol == PROTOCOL  # the server selects the protocol, never the token
    for client in (by_header, by_protocol, by_message):
        client.send("hello")
        assert client.recv(DEADLINE) == "Message received: hello"
        client.close()
    assert server.stop() == -signal.SIGTERM
    assert token not in server.log()


@pytest.mark.parametrize("first", ["hello", "", "Bearer", "Bearer wröng", "right", b"\xff", b"Bearer right"])
def test_a_wrong_token_is_refused_after_the_upgrade(start_server: StartServer, call: Call, first: str | bytes) -> None:
    server = start_server(LITE, token="right")
    client = call(server, "/ws/7")
    client.send(first)
    assert close_of(client) == (1008, "invalid_token")
    by_header = call(server, "/ws", additional_headers={"Authorization": "Bearer wrong"})
    assert close_of(by_header) == (1008, "invalid_token")
    assert "Traceback" not in server.log()


def test_a_client_without_a_token_in_time_is_closed(start_server: StartServer, call: Call) -> None:
    server = start_server(LITE, token="right", auth_timeout=0.05)
    assert close_of(call(server, "/ws/7")) == (4002, "no_token_in_time")


def test_an_unprintable_chat_id_is_refused(start_server: StartServer, call: Call) -> None:
    server = start_server(LITE)
    for name in ("x" * 65, "%00"):
        assert close_of(call(server, f"/ws/{name}")) == (1008, "client_id_not_printable_or_too_long")


def test_compression_is_not_negotiated(start_server: StartServer) -> None:
    server = start_server(LITE)
    with connect(server.url("/ws"), compression="deflate", open_timeout=DEADLINE) as client:
        assert client.response is not None
        assert "Sec-WebSocket-Extensions" not in client.response.headers


@pytest.mark.parametrize(
    ("options", "warnings"),
    [
        ("", 1),
        (" --ws-max-size 65536 --ws-per-message-deflate false", 1),
        (f"{FAIR} --ws-max-size 65536", 1),
        (f"{FAIR} --ws-max-size 65536 --ws-per-message-deflate false", 0),
    ],
)
def test_options_of_uvicorn_that_leave_a_client_unlimited_are_warned_about_once(
    start_server: StartServer, options: str, warnings: int
) -> None:
    server = start_server("target_app.lite.app:app" + options)
    assert echoes(server)
    assert echoes(server)
    assert server.stop() == -signal.SIGTERM
    assert server.log().count(f"{FAIR} --ws-per-message-deflate false --ws-max-size 65536") == warnings


def test_a_connection_end_is_logged_in_one_line_with_its_code(start_server: StartServer, call: Call) -> None:
    server = start_server(LITE)
    call(server, "/ws/polite").close(4321)
    wait_until(lambda: "ended path='/ws/polite' code=4321 why=peer_left" in server.log(), "the line of that ending")
    assert server.stop() == -signal.SIGTERM
    assert server.log().count("ended path=") == 1


def test_a_client_with_heartbeats_gets_pings_and_is_ended_when_silent(start_server: StartServer, call: Call) -> None:
    server = start_server(LITE, heartbeat_interval=0.05, sweep_interval=0.02, idle_timeout=3600)
    client = call(server, "/ws", subprotocols=[PROTOCOL])
    assert client.recv(DEADLINE) == "ping"
    client.send("pong")  # is not a message of the channel
    client.send("hello")
    while (message := client.recv(DEADLINE)) != "Message received: hello":
        assert message == "ping"
    silent = start_server(LITE, heartbeat_interval=3600, sweep_interval=0.02, idle_timeout=0.05)
    assert close_of(call(silent, "/ws", subprotocols=[PROTOCOL])) == (4006, "idle")
