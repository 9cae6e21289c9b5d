"""Tests of the channels over server-sent events and POST requests."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import httpx
import pytest

from tests.target_app.peers import TINY_BUFFER
from tests.target_app.server import LOCALLY, Server, running, wait_until
from tests.target_app.test_admin import ask, signed_in, token_of, wait_for


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("target_app", {"dashboard_period": 0.1, "message_burst": 5, "message_rate": 0.001}) as started:
        yield started


class Stream:
    """An open event stream. Events are (event, id, data)."""

    def __init__(self, server: Server, response: httpx.Response) -> None:
        self._server = server
        self._lines = response.iter_lines()
        event, _, self.session = self.next()
        assert event == "session"

    def next(self) -> tuple[str, str | None, str]:
        fields: dict[str, str] = {}
        for line in self._lines:
            name, _, value = line.partition(": ")
            if line and name:  # neither the end of an event nor a comment
                fields[name] = value
            elif not line and "data" in fields:
                return fields.get("event", "message"), fields.get("id"), fields["data"]
        raise AssertionError("the stream has ended")

    def message(self, kind: str) -> dict[str, Any]:
        """Return the next message of this type. Skips others."""
        while True:
            event, _, data = self.next()
            assert event == "message", (event, data)
            message: dict[str, Any] = json.loads(data)
            if message["type"] == kind:
                return message

    def post(self, message: dict[str, Any] | str) -> int:
        text = message if isinstance(message, str) else json.dumps(message)
        return httpx.post(self._server.url(self.session, "http"), content=text, **LOCALLY).status_code


@contextmanager
def opened(server: Server, path: str, **headers: str) -> Iterator[Stream]:
    with (
        httpx.Client(**LOCALLY) as client,
        client.stream("GET", server.url(f"/fallback{path}", "http"), headers=headers) as response,
    ):
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["connection"] == "close"
        yield Stream(server, response)


def opened_by(server: Server, user: str, path: str, **headers: str) -> AbstractContextManager[Stream]:
    return opened(server, path, authorization=f"Bearer {token_of(server, user)}", **headers)


def test_a_room_is_shared_between_websockets_and_events(server: Server) -> None:
    with ExitStack() as stack:
        blocked = stack.enter_context(opened(server, "/rooms/both"))
        assert blocked.post({"type": "authenticate", "token": token_of(server, "admin")}) == 202
        assert blocked.message("welcome")["user"] == "admin"
        assert blocked.post({"type": "join"}) == 202
        assert blocked.message("members")["users"] == ["admin"]
        assert blocked.post({"type": "say", "id": "1", "text": "hello\nworld"}) == 202
        said = blocked.message("said")
        assert (said["seq"], said["user"], said["text"]) == (1, "admin", "hello\nworld")
        assert [
            row["user"]
            for row in ask(server, "/admin/connections", "admin").json()["workers"].popitem()[1]["connections"]
        ] == ["admin"]


def test_a_returning_stream_gets_the_missed_messages(server: Server) -> None:
    with opened_by(server, "user", "/rooms/cursor?join") as speaker:
        speaker.message("members")
        with opened_by(server, "admin", "/rooms/cursor?join") as listener:
            listener.message("members")
            speaker.post({"type": "say", "id": "1", "text": "one"})
            while True:
                _, cursor, data = listener.next()
                if json.loads(data)["type"] == "said":
                    break
        assert cursor is not None
        assert cursor.endswith(":1")
        wait_until(lambda: "why=disconnected code=1006" in server.log(), "the listener is missed")
        for text in ("two", "three"):
            speaker.post({"type": "say", "id": text, "text": text})
            speaker.message("ack")
        with opened_by(server, "admin", "/rooms/cursor", **{"last-event-id": cursor}) as again:
            assert again.message("joined")["recovered"] is True
            assert [again.message("said")["text"] for _ in range(2)] == ["two", "three"]


@pytest.mark.parametrize("cursor", ["x:" + "9" * 5_000, "x:-1", "x:", ":1"])
def test_an_invalid_cursor_is_ignored(server: Server, cursor: str) -> None:
    with opened(server, "/dashboard-feed", **{"last-event-id": cursor}) as viewer:
        assert "cpu_usage" in viewer.next()[2]


def test_the_dashboard_and_the_notifications_are_also_sent_as_events(server: Server) -> None:
    with opened(server, "/dashboard-feed") as viewer:
        assert set(json.loads(viewer.next()[2])) >= {"cpu_usage", "memory_usage", "active_users", "response_time"}
    with opened_by(server, "user", "/notifications") as user, signed_in(server, "admin") as admin:
        user.message("unread")
        wait_for(admin, "unread")
        admin.send(json.dumps({"type": "send", "id": "1", "to": "user", "user": "user", "level": "info", "text": "hi"}))
        assert user.message("alert")["text"] == "hi"


def test_an_event_stream_ends_with_the_same_code_as_a_websocket(server: Server) -> None:
    with opened(server, "/rooms/closed") as nobody:
        nobody.post({"type": "authenticate", "token": "x" * 40})
        nobody.message("error")
        event, _, data = nobody.next()
        assert (event, json.loads(data)) == ("closed", {"code": 1008, "reason": "invalid_token"})
        assert nobody.post({"type": "join"}) == 404
    with opened_by(server, "user", "/rooms/closed?join") as user:
        user.message("members")
        assert ask(server, "/admin/kick", "admin", {"user": "user"}).status_code == 202
        event, _, data = user.next()
        assert (event, json.loads(data)) == ("closed", {"code": 4004, "reason": "kicked"})


def test_a_closed_stream_is_announced_as_a_departure(server: Server) -> None:
    with opened_by(server, "user", "/rooms/gone?join") as staying:
        staying.message("members")
        with opened_by(server, "admin", "/rooms/gone?join") as going:
            going.message("members")
            assert staying.message("presence") == {"type": "presence", "event": "join", "user": "admin"}
        assert staying.message("presence") == {"type": "presence", "event": "leave", "user": "admin"}


def test_a_page_of_a_foreign_origin_is_refused(server: Server) -> None:
    headers = {"origin": "https://evil.example"}
    with httpx.stream("GET", server.url("/fallback/rooms/x", "http"), headers=headers, **LOCALLY) as response:
        assert response.status_code == 403


@pytest.mark.parametrize("path", ["/ws", "/echo/json", "/nothing", "/draw/x"])
def test_only_the_listed_channels_are_offered_as_events(server: Server, path: str) -> None:
    with httpx.stream("GET", server.url(f"/fallback{path}", "http"), **LOCALLY) as response:
        assert response.status_code == 404


def test_invalid_posts_are_refused(server: Server) -> None:
    with opened(server, "/rooms/x") as stream:
        assert stream.post("x" * 70_000) == 413
        answer = httpx.post(server.url(stream.session, "http"), content=b"\xff", **LOCALLY)
        assert answer.status_code == 400
        assert httpx.post(server.url(f"{stream.session}x", "http"), content="{}", **LOCALLY).status_code == 404


def test_a_stalled_event_reader_is_dropped_and_its_socket_closed() -> None:
    settings = {"message_burst": 1_000_000, "user_message_burst": 1_000_000, "write_timeout": 0.5}
    with running("target_app", settings) as patient, socket.socket() as sleeper:
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY_BUFFER)
        sleeper.connect(("127.0.0.1", patient.port))
        bearer = f"Authorization: Bearer {token_of(patient, 'user')}"
        sleeper.sendall(f"GET /fallback/rooms/x?join HTTP/1.1\r\nHost: 127.0.0.1\r\n{bearer}\r\n\r\n".encode())
        with signed_in(patient, "admin", "/rooms/x") as speaker:
            speaker.send(json.dumps({"type": "join"}))
            wait_for(speaker, "members")
            for number in range(2_000):
                if number % 50 == 0 and patient.ended("slow_consumer"):
                    break
                speaker.send(json.dumps({"type": "say", "id": f"{number}", "text": "\u2603" * 4_000}))
                wait_for(speaker, "ack")
            wait_until(lambda: patient.ended("slow_consumer") == 1, "the sleeper is dropped")
            wait_until(lambda: "cut sockets=1" in patient.log(), "its socket is cut")
            assert patient.stats()["open"] == 1
