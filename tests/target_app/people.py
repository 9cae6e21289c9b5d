"""Clients of the typed channels, which have a token and use JSON."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import jwt
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from target_app.users import DEMO_USERS
from tests.target_app.server import DEADLINE, LOCALLY, Server

SECRET = "a secret for tests that is long enough"
"""The `secret` setting of servers for which a test creates tokens itself."""


def make_token(user: str, *, roles: tuple[str, ...] = (), lifetime: float = 600, secret: str = SECRET) -> str:
    """Return a token as the server would issue it, for any name, so that tests need no list of users.

    The server ignores `roles`. Users have the roles that `users_with` gives them."""
    now = time.time()
    claims = {
        "iss": "target_app",
        "aud": "target_app",
        "sub": user,
        "roles": roles,
        "iat": now,
        "exp": int(now + lifetime),
    }
    return jwt.encode(claims, secret, "HS256")


def users_with(*plain: str, admins: tuple[str, ...] = ()) -> str:
    """Return the `users` setting with the demo users and these, with the password of `user` or `admin`."""
    users = {name: user.model_dump(mode="json") for name, user in DEMO_USERS.items()}
    return json.dumps(users | dict.fromkeys(plain, users["user"]) | dict.fromkeys(admins, users["admin"]))


def post(server: Server, path: str, token: str | None = None, **body: Any) -> httpx.Response:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return httpx.post(server.url(path, "http"), json=body, headers=headers, **LOCALLY)


def log_in(server: Server, name: str) -> str:
    """Return a token for a demo user, whose password is the user's name."""
    answer = post(server, "/auth/token", username=name, password=name)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["access_token"])


def dial(server: Server, path: str, **options: Any) -> ClientConnection:
    """Connect with the handshake options that the test needs."""
    opened: ClientConnection = connect(
        server.url(path), compression=None, max_queue=None, open_timeout=DEADLINE, **options
    )
    return opened


def close_of(socket: ClientConnection) -> tuple[int, str]:
    """Return the close code and reason, after all messages."""
    try:
        while True:
            socket.recv(DEADLINE)
    except ConnectionClosed:
        return socket.close_code or 0, socket.close_reason or ""


class Person:
    """A client that is signed in to a typed channel."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.joined: dict[str, Any] = {}
        """The answer to `join`, in a room. The missed messages and then the list of members follow it."""
        self.missed: list[dict[str, Any]] = []
        self.members: list[str] = []

    def send(self, type: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"type": type, **fields}))

    def read(self) -> dict[str, Any]:
        """Return the next message."""
        message: dict[str, Any] = json.loads(self.socket.recv(DEADLINE))
        return message

    def wait(self, type: str, **fields: Any) -> dict[str, Any]:
        """Return the next message of this type with these fields. Skips others."""
        while True:
            message = self.read()
            if message["type"] == type and fields.items() <= message.items():
                return message
