"""Tests of the shared check of Host and Origin, for pages, the API, event streams and WebSockets."""

from __future__ import annotations

import socket

import httpx
import pytest

from tests.target_app.conftest import StartServer
from tests.target_app.server import LOCALLY, Server

OVER_HTTP = ("/", "/pages/login", "/healthz", "/stats", "/auth/me", "/static/style.css", "/asyncapi.json", "/nothing")
STREAMS = ("/fallback/dashboard-feed", "/fallback/rooms/x?join", "/fallback/notifications")
CHANNELS = ("/ws", "/ws/7", "/dashboard-feed", "/echo/json", "/rooms/x", "/notifications", "/draw/x", "/game/x", "/no")
REBOUND = {"Host": "evil.example", "Origin": "http://evil.example"}
"""Headers from a page whose own name resolves to this server: for its browser, both have the same origin."""


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


def status(server: Server, path: str, method: str = "GET", **headers: str) -> int:
    """Return the status of an answer without waiting for its body."""
    with httpx.stream(method, server.url(path, "http"), headers=headers, **LOCALLY) as response:
        return response.status_code


def handshake(server: Server, path: str, **headers: str) -> int:
    return status(server, path, **UPGRADE, **headers)


@pytest.mark.parametrize("path", [*OVER_HTTP, *STREAMS])
@pytest.mark.parametrize("headers", [REBOUND, {"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_another_site_gets_nothing_over_http(server: Server, path: str, headers: dict[str, str]) -> None:
    assert status(server, path, **headers) == 403
    assert status(server, path) != 403


@pytest.mark.parametrize("path", ["/auth/token", "/auth/refresh", "/auth/logout", "/admin/kick", "/fallback/x.y"])
@pytest.mark.parametrize("headers", [REBOUND, {"Origin": "http://evil.example"}, {"Origin": "null"}])
def test_another_site_posts_nothing(server: Server, path: str, headers: dict[str, str]) -> None:
    assert status(server, path, "POST", **headers) == 403


@pytest.mark.parametrize("path", CHANNELS)
@pytest.mark.parametrize("headers", [REBOUND, {"Host": "evil.example"}, {"Origin": "http://evil.example"}])
def test_another_site_opens_no_channel(server: Server, path: str, headers: dict[str, str]) -> None:
    assert handshake(server, path, **headers) == 403


def test_a_refusal_names_the_setting(server: Server) -> None:
    for path, upgrade in (("/", {}), ("/ws", UPGRADE)):
        for header, setting in (("Host", "TARGET_APP_TRUSTED_HOSTS"), ("Origin", "TARGET_APP_ALLOWED_ORIGINS")):
            answer = httpx.get(server.url(path, "http"), headers=upgrade | {header: "x.example"}, **LOCALLY)
            assert setting in answer.text


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST:1", "127.0.0.1:1", "[::1]:8000", "192.0.2.7", socket.gethostname()]
)
def test_addresses_and_names_of_this_machine_are_its_own(server: Server, host: str) -> None:
    """Any port is allowed, since it may be forwarded. A page of the same name and port is also the server's own."""
    origin = f"http://{host.lower()}"
    assert status(server, "/", Host=host) == status(server, "/", Host=host, Origin=origin) == 200
    assert handshake(server, "/ws", Host=host, Origin=origin) == 101
    assert handshake(server, "/ws", Host=host, Origin=f"{origin}.evil.example") == 403


@pytest.mark.parametrize("host", ["127.0.0.1.evil.example", "localhost.evil.example", "evil.example:80", "localhost."])
def test_a_host_that_resembles_an_own_name_is_refused(server: Server, host: str) -> None:
    assert status(server, "/", Host=host) == handshake(server, "/ws", Host=host) == 403


@pytest.mark.parametrize("host", ["a b", "[::1", "x@localhost", "http://localhost/", "localhost:http"])
def test_an_invalid_host_is_400(server: Server, host: str) -> None:
    assert status(server, "/", Host=host) == handshake(server, "/ws", Host=host) == 400


def test_names_behind_a_proxy_are_a_setting(start_server: StartServer) -> None:
    server = start_server(trusted_hosts="chat.example, B.example")
    for host, origin, expected in (
        ("chat.example", "https://chat.example", 101),
        ("b.example:8443", "https://b.example:8443", 101),
        ("chat.example", "https://b.example", 403),
        ("c.example", "https://c.example", 403),
    ):
        assert handshake(server, "/ws", Host=host, Origin=origin) == expected


def test_the_hosts_of_allowed_origins_are_trusted(start_server: StartServer) -> None:
    server = start_server(allowed_origins="https://chat.example")
    assert handshake(server, "/ws", Host="chat.example", Origin="https://chat.example") == 101
    assert handshake(server, "/ws", Host="b.example", Origin="https://chat.example") == 403
    assert handshake(server, "/ws", Host="localhost", Origin="http://localhost") == 403, (
        "an origin that is not in the list must be refused"
    )
