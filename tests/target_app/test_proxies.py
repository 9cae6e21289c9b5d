"""Tests of which proxies are trusted to name the origin of a request."""

from __future__ import annotations

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.target_app.conftest import StartServer
from tests.target_app.people import close_of, dial
from tests.target_app.server import LOCALLY, Server

NAMING = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


def stats(server: Server, **headers: str) -> int:
    return httpx.get(server.url("/stats", "http"), headers=headers, **LOCALLY).status_code


def limited(server: Server, **headers: str) -> bool:
    """Return whether the limit refuses a second connection of this sender."""
    with dial(server, "/ws", additional_headers=headers) as one, dial(server, "/ws", additional_headers=headers) as two:
        one.send("in")
        assert one.recv() == "Message received: in"
        try:
            two.send("in")
            return two.recv() != "Message received: in"
        except ConnectionClosed:
            assert close_of(two) == (1013, "too_many_connections_of_address")
            return True


@pytest.mark.parametrize("header", NAMING)
def test_requests_of_an_untrusted_proxy_are_limited_and_get_no_metrics(start_server: StartServer, header: str) -> None:
    server = start_server(max_connections_per_address=1)
    assert limited(server, **{header: "192.0.2.1"})
    assert not limited(server), "a program of this host has none"
    assert (stats(server), stats(server, **{header: "192.0.2.1"})) == (200, 401)


def test_a_trusted_proxy_gives_the_client_address_and_the_scheme(start_server: StartServer) -> None:
    # A forwarded request does not count as local, and demo users sign in only locally.
    server = start_server(max_connections_per_address=1, trusted_proxies="127.0.0.1", demo_users_anywhere=True)
    assert limited(server, **{"X-Forwarded-For": "192.0.2.1"})
    with (
        dial(server, "/ws", additional_headers={"X-Forwarded-For": "192.0.2.1"}) as one,
        dial(server, "/ws", additional_headers={"X-Forwarded-For": "192.0.2.1, 192.0.2.2"}) as two,
    ):
        for socket in (one, two):
            socket.send("in")
            assert socket.recv() == "Message received: in", "two clients, distinguished by the last untrusted address"
    body = {"username": "user", "password": "user", "cookie": True}
    for headers, secure in (({"X-Forwarded-Proto": "https"}, True), ({}, False)):
        answer = httpx.post(server.url("/auth/token", "http"), json=body, headers=headers, **LOCALLY)
        assert ("secure" in answer.headers["set-cookie"].lower()) == secure


def test_requests_of_a_trusted_proxy_without_a_client_address_are_not_local(start_server: StartServer) -> None:
    server = start_server(max_connections_per_address=1, trusted_proxies="127.0.0.1")
    assert stats(server) == 401
    assert limited(server)
