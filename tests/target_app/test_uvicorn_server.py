"""Tests of uvicorn's behaviour before the application is called, for every documented way to start it."""

from __future__ import annotations

import signal
import socket
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
import uvicorn
from uvicorn import Config, Server
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory

from target_app import __main__ as command
from target_app import unread_answers, uvicorn_server
from target_app.direct import DirectWSProtocol
from target_app.http_protocol import MAX_HEAD_BYTES, BoundedHttpProtocol
from target_app.request_deadlines import RequestDeadlines
from target_app.settings import Settings
from target_app.websocket_protocol import BoundedWSProtocol
from tests.target_app.conftest import EnterRaw, StartServer
from tests.target_app.peers import PING, RawPeer, frame
from tests.target_app.people import dial
from tests.target_app.server import DEADLINE, STARTS, running, wait_until
from tests.target_app.server import Server as Running
from tests.target_app.test_direct import GOOD


@pytest.fixture(scope="module", params=STARTS)
def server(request: pytest.FixtureRequest) -> Iterator[Running]:
    with running(request.param, {"max_message_bytes": 10_000, "request_timeout": 0.5}) as started:
        yield started


def test_a_message_with_too_large_a_declared_length_is_refused_at_once(server: Running) -> None:
    with RawPeer(server, "/ws") as peer:
        peer.socket.sendall(bytes([0x82, 0xFF]) + struct.pack("!Q", 10_000_000) + bytes(4))
        code = peer.socket.recv(4)
        assert (code[0], struct.unpack("!H", code[2:])[0]) == (0x88, 1009)


def test_compression_is_not_negotiated(server: Running) -> None:
    with dial(server, "/ws", extensions=[ClientPerMessageDeflateFactory()]) as client:
        assert client.response is not None
        assert "sec-websocket-extensions" not in client.response.headers
        client.send("in full")
        assert client.recv(DEADLINE) == "Message received: in full"


UNFINISHED = {
    "nothing": b"",
    "half a handshake": b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n",
    "half a body": b"POST /auth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 10\r\n\r\n{",
    "half of the second request": b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET ",
}


@pytest.mark.parametrize("sent", UNFINISHED.values(), ids=UNFINISHED.keys())
def test_a_client_that_does_not_finish_its_request_is_cut_off(server: Running, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as peer, dial(server, "/ws") as client:
        peer.sendall(sent)
        try:
            while peer.recv(65_536):
                pass  # responses to earlier requests
        except ConnectionResetError:
            pass  # cut off
        client.send("still here")
        assert client.recv(DEADLINE) == "Message received: still here"
    wait_until(lambda: "cut off requests that were not finished" in server.log(), "the log says so")
    wait_until(lambda: server.stats()["counts"].get("requests.unfinished", 0), "it is counted")


def answer_to(server: Running, request: bytes) -> bytes:
    """Return all that the server sends until it ends the connection."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as peer:
        peer.sendall(request)
        answer = b""
        try:
            while chunk := peer.recv(65_536):
                answer += chunk
        except ConnectionResetError:
            pass  # the server has not read all of it
        return answer


def test_a_head_that_is_too_long_is_refused(server: Running) -> None:
    head = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + b"X: a\r\n" * (MAX_HEAD_BYTES // 6)
    assert answer_to(server, head).startswith(b"HTTP/1.1 431 ")


def test_a_handshake_that_cannot_be_parsed_is_refused(server: Running) -> None:
    """For example one that announces a body. The bounds of this protocol class are tested in `test_fair_reading`."""
    lines = [f"{name}: {value}\r\n" for name, value in GOOD.items()]
    request = "".join(["GET /ws HTTP/1.1\r\n", *lines, "Content-Length: 5\r\n\r\n"]).encode()
    assert answer_to(server, request).startswith(b"HTTP/1.1 400 ")


def send_pings_for_ever(peer: RawPeer) -> None:
    pings = frame(PING, bytes(125)) * 1_000
    while True:
        peer.socket.sendall(pings)


def test_a_client_that_sends_pings_and_reads_no_pongs_is_cut_off(start_server: StartServer, stalled: EnterRaw) -> None:
    server = start_server("target_app.main:app --no-proxy-headers", max_message_bytes=1_000, outbox_bytes=1_000)
    peer = stalled(server, "/ws")
    with pytest.raises((ConnectionResetError, BrokenPipeError)):
        send_pings_for_ever(peer)
    wait_until(lambda: server.stats()["counts"].get("unread.answers", 0) == 1, "it is counted")
    with dial(server, "/ws") as client:
        client.send("still here")
        assert client.recv(DEADLINE) == "Message received: still here"


@pytest.mark.parametrize(("waiting", "is_cut"), [(100, False), (101, True)])
def test_only_a_websocket_with_more_unread_bytes_is_cut_off(waiting: int, is_cut: bool) -> None:
    transport, response = (Mock(**{"get_write_buffer_size.return_value": waiting}) for _ in range(2))
    socket, request = SimpleNamespace(transport=transport), SimpleNamespace(transport=response, cycle=None)
    assert unread_answers.cut_off([socket, request], 100) == is_cut
    assert transport.abort.called is is_cut
    assert not response.abort.called


def test_stricter_options_are_kept() -> None:
    config = Config("unused:app", ws_max_size=1_000, ws_per_message_deflate=False, timeout_graceful_shutdown=1)
    assert uvicorn_server.set_options(config, Settings()) == {}
    assert (config.ws_max_size, config.timeout_graceful_shutdown) == (1_000, 1)


def test_every_way_of_starting_results_in_the_same_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests of one way to start the server therefore hold for all, independent of the writer."""
    settings, configs = Settings(ping_interval=7, ping_timeout=8, max_message_bytes=999), []
    for name in ("ping_interval", "ping_timeout", "max_message_bytes"):
        monkeypatch.setenv(f"TARGET_APP_{name.upper()}", str(getattr(settings, name)))
    monkeypatch.setattr(uvicorn, "run", lambda app, **options: configs.append(Config(app, **options)))
    for arguments in ([], ["--direct"]):
        monkeypatch.setattr(sys, "argv", ["target_app", *arguments])
        command.main()
    configs.append(Config("target_app.main:app", proxy_headers=False))
    decisive = ("ws_max_size", "ws_per_message_deflate", "ws_ping_interval", "ws_ping_timeout", "proxy_headers")
    for config in configs:
        uvicorn_server.set_options(config, settings)
    found = {tuple(getattr(config, name) for name in (*decisive, "timeout_graceful_shutdown")) for config in configs}
    assert found == {(999, False, 7, 8, False, settings.shutdown_timeout)}


@pytest.mark.parametrize(
    ("http", "websocket", "expected"),
    [
        (HttpToolsProtocol, WebSocketsSansIOProtocol, (BoundedHttpProtocol, BoundedWSProtocol)),
        (H11Protocol, DirectWSProtocol, (H11Protocol, DirectWSProtocol)),
    ],
)
def test_protocols_without_limits_are_replaced(http: Any, websocket: Any, expected: tuple[type, type]) -> None:
    config = Config("unused:app")
    config.loaded, config.http_protocol_class, config.ws_protocol_class = True, http, websocket
    uvicorn_server.set_options(config, Settings())
    assert (config.http_protocol_class, config.ws_protocol_class) == expected


def test_the_server_is_found_by_its_signal_handler(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(Config("unused:app"))
    monkeypatch.setattr(signal, "getsignal", lambda _: server.handle_exit)
    assert uvicorn_server.find() is server
    monkeypatch.setattr(signal, "getsignal", lambda _: signal.SIG_DFL)
    assert uvicorn_server.find() is None


def test_an_unsupported_server_causes_a_warning(start_server: StartServer) -> None:
    log = start_server("hypercorn target_app.main:app --bind 127.0.0.1:{port}").log()
    assert "not started by uvicorn" in log


@dataclass(eq=False)
class Peer:
    """A connection of uvicorn, with its request."""

    cycle: Any = None
    flow: Any = field(default_factory=lambda: SimpleNamespace(write_paused=False))
    transport: Any = field(init=False)
    is_cut: bool = False

    def __post_init__(self) -> None:
        self.transport = SimpleNamespace(abort=self._abort)

    def _abort(self) -> None:
        self.is_cut = True


def request(*, more_body: bool = False, response_complete: bool = False) -> object:
    return SimpleNamespace(more_body=more_body, response_complete=response_complete)


def test_only_requests_that_are_not_finished_have_a_deadline() -> None:
    silent, slow, served, again = Peer(), Peer(request(more_body=True)), Peer(request()), Peer()
    never_reads, reads_late = (Peer(request(), SimpleNamespace(write_paused=True)) for _ in range(2))
    websocket = SimpleNamespace()
    peers = [silent, slow, never_reads, served, again, reads_late]
    deadlines = RequestDeadlines(lambda: [*peers, websocket], seconds=10, most=100)
    assert deadlines.sweep(0.0) == 0
    again.cycle = request(response_complete=True)  # one request is complete, so another may begin
    reads_late.flow.write_paused = False
    assert deadlines.sweep(9.9) == 0
    assert deadlines.sweep(10.0) == 3
    assert [peer.is_cut for peer in peers] == [True, True, True, False, False, False]


def test_the_oldest_unfinished_requests_over_the_limit_are_cut_off() -> None:
    peers = [Peer() for _ in range(3)]
    deadlines = RequestDeadlines(lambda: peers, seconds=10, most=2)
    late, peers = peers[2:], peers[:2]
    assert deadlines.sweep(0.0) == 0
    peers += late
    assert deadlines.sweep(1.0) == 1
    assert [peer.is_cut for peer in peers] in ([True, False, False], [False, True, False])
