from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tests.target_app.server import DEADLINE, LOCALLY, Server, running, wait_until


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app", {"drain_seconds": 0.1}) as started:
        yield started


def token_of(server: Server, user: str) -> str:
    answer = httpx.post(server.url("/auth/token", "http"), json={"username": user, "password": user}, **LOCALLY)
    token: str = answer.raise_for_status().json()["access_token"]
    return token


def ask(server: Server, path: str, user: str | None, body: dict[str, Any] | None = None) -> httpx.Response:
    headers = {} if user is None else {"authorization": f"Bearer {token_of(server, user)}"}
    method = "GET" if body is None else "POST"
    return httpx.request(method, server.url(path, "http"), headers=headers, json=body, **LOCALLY)


def signed_in(server: Server, user: str, path: str = "/notifications") -> ClientConnection:
    """Connect a client of a typed channel."""
    subprotocols: Any = ["target_app.v1", f"bearer.{token_of(server, user)}"]
    return connect(server.url(path), subprotocols=subprotocols, compression=None, open_timeout=DEADLINE)


def wait_for(client: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(client.recv(DEADLINE))
        if message["type"] == kind:
            return message


def close_of(client: ClientConnection) -> tuple[int | None, str | None]:
    try:
        while True:
            client.recv(DEADLINE)
    except ConnectionClosed:
        return client.close_code, client.close_reason


def listed(server: Server) -> dict[str, Any]:
    (worker,) = ask(server, "/admin/connections", "admin").json()["workers"].values()
    details: dict[str, Any] = worker
    return details


ORDERS: list[tuple[str, dict[str, Any] | None]] = [
    ("/admin/connections", None),
    ("/admin/kick", {"user": "user"}),
    ("/admin/broadcast", {"text": "hello"}),
    ("/admin/drain", {}),
]


@pytest.mark.parametrize(("path", "body"), ORDERS, ids=[path for path, _ in ORDERS])
def test_only_administrators_see_and_use_the_admin_commands(
    server: Server, path: str, body: dict[str, Any] | None
) -> None:
    assert ask(server, path, None, body).status_code == 401
    assert ask(server, path, "user", body).status_code == 403


@pytest.mark.parametrize(
    "order", [{}, {"user": "user", "connection": "x"}, {"user": "user", "why": "so"}, {"user": ""}]
)
def test_an_invalid_admin_command_is_refused(server: Server, order: dict[str, Any]) -> None:
    assert ask(server, "/admin/kick", "admin", order).status_code == 422


def test_a_connection_is_listed_kicked_and_remembered_with_its_reason(server: Server) -> None:
    with signed_in(server, "user") as first, signed_in(server, "user") as second:
        for client in (first, second):
            wait_for(client, "unread")
        rows = [row for row in listed(server)["connections"] if row["user"] == "user"]
        assert [row["channel"] for row in rows] == ["notifications"] * 2
        assert all(row["queued_bytes"] == 0 and row["sent"] >= 2 for row in rows)
        oldest = max(rows, key=lambda row: row["seconds"])
        assert ask(server, "/admin/kick", "admin", {"connection": oldest["id"]}).status_code == 202
        assert close_of(first) == (4004, "kicked")
        assert ask(server, "/admin/kick", "admin", {"user": "user"}).status_code == 202
        assert close_of(second) == (4004, "kicked")
    wait_until(lambda: listed(server)["open"] == 0, "both are gone")
    ended = [(row["code"], row["reason"]) for row in listed(server)["ended"]]
    assert ended[:2] == [(4004, "kicked")] * 2
    assert "order=kick" in server.log()


def test_an_announcement_reaches_all_on_typed_channels_and_no_bare_text_channel(server: Server) -> None:
    with signed_in(server, "user") as user, server.connect("/ws") as echo:
        wait_for(user, "unread")
        assert ask(server, "/admin/broadcast", "admin", {"text": "tea is ready"}).status_code == 202
        assert wait_for(user, "announcement") == {"type": "announcement", "by": "admin", "text": "tea is ready"}
        echo.send("still alone")
        assert echo.recv(DEADLINE) == "Message received: still alone"


def test_a_drained_worker_closes_all_connections_and_is_not_ready() -> None:
    with running("target_app", {"drain_seconds": 0.1}) as draining, signed_in(draining, "user") as user:
        wait_for(user, "unread")
        assert draining.get("/readyz").json() == {"status": "ready"}
        assert ask(draining, "/admin/drain", "admin", {"worker": "another"}).status_code == 202
        assert draining.get("/readyz").status_code == 200
        assert ask(draining, "/admin/drain", "admin", {}).status_code == 202
        assert close_of(user)[0] == 1012
        answer = draining.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {"status": "draining"})
        assert listed(draining)["draining"]
