"""Tests that no HTTP request makes the server buffer more than the length of one message."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any
from unittest.mock import Mock

import psutil
import pytest
from fastapi.routing import iter_route_contexts
from starlette.responses import PlainTextResponse

from target_app.body_limit import BodyLimit
from target_app.main import create_app
from target_app.settings import Settings
from tests.target_app.people import log_in, post
from tests.target_app.server import DEADLINE, Server

LIMIT = 65_536
ENDLESS = 300 << 20
CHUNK = b"10000\r\n" + b" " * LIMIT + b"\r\n"


def _requests() -> Iterator[tuple[str, str]]:
    """Yield every HTTP route with each of its methods, and one that does not exist."""
    for context in iter_route_contexts(create_app(Settings()).routes):
        path = str(context.path).replace("{name}", "echo").replace("{path:path}", "dashboard-feed")
        path = path.replace("{session}", "nobody.x")
        for method in sorted(getattr(context.original_route, "methods", None) or ()):
            yield method, path
    yield "POST", "/static/style.css"
    yield "POST", "/no/such/route"


REQUESTS = sorted(set(_requests()))
READING = [
    ("POST", path) for path in ("/auth/token", "/admin/broadcast", "/admin/kick", "/admin/drain", "/fallback/nobody.x")
]
"""Routes that read a body."""


def answer_to(server: Server, head: str, body: bytes = b"") -> tuple[bytes, bytes]:
    """Return the status line and the headers of the answer to a request that sends only this."""
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as peer:
        peer.sendall(f"{head}\r\nHost: 127.0.0.1\r\n\r\n".encode() + body)
        received = b""
        while b"\r\n\r\n" not in received:
            chunk = peer.recv(65_536)
            assert chunk, received
            received += chunk
    status, _, headers = received.partition(b"\r\n")
    return status, headers.lower()


def test_every_route_has_a_body_limit_test() -> None:
    assert len(REQUESTS) > 20
    assert [request for request in READING if request not in REQUESTS] == []


@pytest.mark.parametrize(("method", "path"), REQUESTS)
def test_a_body_with_too_large_a_content_length_is_refused_at_once(server: Server, method: str, path: str) -> None:
    status, headers = answer_to(server, f"{method} {path} HTTP/1.1\r\nContent-Length: {ENDLESS}")
    assert status.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in headers
    assert b"x-content-type-options: nosniff" in headers


@pytest.mark.parametrize(("method", "path"), READING)
def test_an_endless_body_is_read_up_to_the_limit(server: Server, method: str, path: str) -> None:
    head = f"{method} {path} HTTP/1.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked"
    token = log_in(server, "admin")
    status, headers = answer_to(server, f"{head}\r\nAuthorization: Bearer {token}", CHUNK * 2)
    assert status.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in headers


def test_a_body_of_exactly_the_limit_is_accepted(server: Server) -> None:
    text = '{"username": "user", "password": "user"}'.ljust(LIMIT)
    head = f"POST /auth/token HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {LIMIT}"
    assert answer_to(server, head, text.encode())[0].startswith(b"HTTP/1.1 200 ")
    assert post(server, "/auth/token", username="user", password="x" * LIMIT).status_code == 413


def test_bodies_in_flight_take_no_memory(server: Server) -> None:
    process = psutil.Process(server.process.pid)
    before = process.memory_info().rss
    with socket.create_connection(("127.0.0.1", server.port), DEADLINE) as peer:
        head = "POST /auth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
        try:
            peer.sendall(head.encode())
            for _ in range(ENDLESS // LIMIT // 4):
                peer.sendall(CHUNK)
        except (BrokenPipeError, ConnectionResetError):
            pass  # expected: the server has answered and closed
        grown = process.memory_info().rss - before
    assert grown < 30_000_000


def test_a_content_length_of_thousands_of_digits_is_too_long() -> None:
    """Some servers pass it on, and Python refuses to read it as a number."""
    sent: list[dict[str, Any]] = []

    async def scenario(length: bytes) -> int:
        sent.clear()

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "headers": [(b"content-length", length)]}
        await BodyLimit(PlainTextResponse("read"), Settings())(scope, Mock(), send)
        return int(sent[0]["status"])

    assert asyncio.run(scenario(b"9" * 5_000)) == 413
    assert asyncio.run(scenario(b"0" * 5_000 + b"5")) == 200
