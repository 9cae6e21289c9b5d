"""Tests of the application under servers other than uvicorn, also without lifespan events."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from target_app.main import create_app
from target_app.services import Services
from target_app.settings import Settings
from tests.target_app.people import SECRET, Person, close_of, dial, make_token
from tests.target_app.server import DEADLINE, Server, running, wait_until

COMMANDS = {
    "hypercorn": "hypercorn target_app.main:app --bind 127.0.0.1:{port} --log-level warning",
    "granian": "granian --interface asgi --host 127.0.0.1 --port {port} --log-level warning target_app.main:app",
    "daphne": "daphne -b 127.0.0.1 -p {port} -v 0 target_app.main:app",
    "uvicorn without lifespan": "uvicorn target_app.main:app --port {port} --lifespan off",
}


@pytest.fixture(params=["hypercorn", "granian", "daphne"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(COMMANDS[request.param], {"secret": SECRET}) as started:
        yield started


@contextmanager
def joined(server: Server, user: str) -> Iterator[Person]:
    """Yield a user who is in the room for the duration of the `with` block."""
    with dial(server, f"/rooms/lobby?token={make_token(user)}") as socket:
        person = Person(socket)
        person.send("join")
        person.wait("members")
        yield person


def test_members_join_publish_and_receive_on_every_server(server: Server) -> None:
    with joined(server, "ada") as ada, joined(server, "grace") as grace:
        ada.send("say", id="1", text="hello")
        assert ada.wait("ack")["seq"] == 1
        assert grace.wait("said")["text"] == "hello"
        with dial(server, f"/notifications?token={make_token('grace')}") as socket:
            assert Person(socket).wait("unread")["alerts"] == []
    with dial(server, "/ws") as echo:
        echo.send("hi")
        assert echo.recv(DEADLINE) == "Message received: hi"
    assert server.get("/readyz").json() == {"status": "ready"}


def test_a_failed_start_is_reported_and_retried(tmp_path: Path) -> None:
    path = tmp_path / "not there yet" / "history.db"
    with running(COMMANDS["uvicorn without lifespan"], {"secret": SECRET, "history_path": path}) as server:
        with dial(server, f"/rooms/lobby?token={make_token('ada')}") as refused:
            assert close_of(refused) == (1011, "not_started")
        answer = server.get("/readyz")
        assert answer.status_code == 503
        assert "unable to open database file" in answer.json()["cause"]
        path.parent.mkdir()
        wait_until(lambda: server.get("/readyz").status_code == 200, "the next try finds the folder")
        with joined(server, "ada") as ada:
            ada.send("say", id="1", text="hello")
            assert ada.wait("ack")["seq"] == 1


def test_an_application_may_be_started_again_in_another_event_loop() -> None:
    app = create_app(Settings())
    services: Services = app.state.services

    async def scenario() -> int:
        async with app.router.lifespan_context(app):
            return (await services.timeline.post("room:x", "say", "ada", None, {"text": "hello"})).seq

    assert [asyncio.run(scenario()) for _ in range(3)] == [1, 1, 1]
