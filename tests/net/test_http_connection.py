"""Tests of a persistent HTTP connection with a server that the test controls."""

from __future__ import annotations

import socket

from tests.net.hand import HandServer, played
from wsproof import HttpRequest
from wsproof.net.endpoint import Endpoint
from wsproof.net.http_connection import HttpConnection

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
POST = HttpRequest("POST", "/say", "hello", {"X-Own": "1"})


def take(sock: socket.socket) -> bytes:
    """Read one request with a body of five bytes."""
    data = b""
    while not data.endswith(b"hello"):
        data += sock.recv(65_536)
    return data


def test_requests_share_a_connection_and_carry_the_headers_of_the_endpoint() -> None:
    requests: list[bytes] = []

    def behaviour(sock: socket.socket) -> None:
        for _ in range(2):
            requests.append(take(sock))
            sock.sendall(OK)
        sock.recv(1)

    with played(behaviour) as server:
        connection = HttpConnection(server.endpoint.with_own({"Authorization": "Bearer t"}), deadline_s=30)
        assert [connection.exchange(POST).status for _ in range(2)] == [200, 200]
        connection.close()
    assert all(b"Authorization: Bearer t\r\n" in request and b"X-Own: 1\r\n" in request for request in requests)
    assert requests[0].startswith(b"POST /say HTTP/1.1\r\nHost: 127.0.0.1:")


def test_a_connection_that_the_server_has_closed_is_opened_again() -> None:
    with HandServer() as server:
        connection = HttpConnection(server.endpoint, deadline_s=30)
        for _ in range(2):
            connection.begin(POST)
            sock = server.accept()
            take(sock)
            sock.sendall(OK)
            sock.close()
            while (answer := connection.advance()) is None:
                pass
            assert answer.is_accepted
        connection.close()


def test_a_refusal_is_reported_with_the_beginning_of_its_body() -> None:
    def behaviour(sock: socket.socket) -> None:
        take(sock)
        sock.sendall(b"HTTP/1.1 429 Too Many Requests\r\nContent-Length: 9\r\n\r\nslow down")
        sock.recv(1)

    with played(behaviour) as server:
        connection = HttpConnection(server.endpoint, deadline_s=30)
        answer = connection.exchange(POST)
        connection.close()
    assert not answer.is_accepted
    assert answer.reason == "HTTP 429 Too Many Requests: slow down"


def test_a_missing_answer_and_a_refused_connection_are_reported_as_refusals() -> None:
    def behaviour(sock: socket.socket) -> None:
        take(sock)
        sock.close()

    with played(behaviour) as server:
        assert "before it answered" in HttpConnection(server.endpoint, deadline_s=30).exchange(POST).reason
    assert HttpConnection(Endpoint("127.0.0.1", 1)).exchange(POST).status == 0
