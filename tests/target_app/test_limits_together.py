"""Tests that two workers share limits and logouts, with a real Valkey server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from target_app.rate_windows import RateWindow
from target_app.services import Services
from target_app.settings import Settings
from tests.target_app.people import SECRET, Person, close_of, dial, log_in, make_token, post
from tests.target_app.server import DEADLINE, Server, running, wait_until
from tests.target_app.test_metrics import scraped
from tests.target_app.valkey import Valkey, valkey

BURST = 180


@pytest.fixture(scope="module")
def backplane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with valkey(tmp_path_factory.mktemp("valkey")) as started:
        yield started


@pytest.fixture(scope="module")
def settings(backplane: Valkey) -> dict[str, Any]:
    return {
        "secret": SECRET,
        "backplane_url": backplane.url,
        "max_connections_per_user": 3,
        "max_connections_per_address": 20,
        "trusted_addresses": "",
        "user_message_rate": 0.001,
        "user_message_burst": BURST,
        "error_burst": 100,
        "logins_per_minute": 5,
    }


@pytest.fixture(scope="module")
def both(settings: dict[str, Any]) -> Iterator[tuple[Server, Server]]:
    with running("target_app", settings) as left, running("target_app", settings) as right:
        yield left, right


def test_one_user_has_only_so_many_connections_on_all_workers(both: tuple[Server, Server]) -> None:
    left, right = both
    path = f"/notifications?token={make_token('ada')}"
    reason = "too_many_connections_of_user"
    with ExitStack() as stack:

        def enter(server: Server) -> ClientConnection:
            socket = stack.enter_context(dial(server, path))
            assert Person(socket).read()["type"] == "welcome"
            return socket

        enter(left), enter(right)
        third = enter(left)
        for server in both:
            wait_until(lambda server=server: turned_away(server, path, reason), "the fourth is turned away")  # type: ignore[misc]
        third.close()
        wait_until(lambda: not turned_away(right, path, reason), "there is room again")


def turned_away(server: Server, path: str, reason: str) -> bool:
    """Return whether one more connection is refused. The other worker's count is updated with a short delay."""
    with dial(server, path) as socket:
        if Person(socket).read()["type"] == "welcome":
            return False
        assert close_of(socket) == (1013, reason)
        return True


def test_one_address_has_only_so_many_connections_on_all_workers(both: tuple[Server, Server]) -> None:
    left, right = both
    with ExitStack() as stack:

        def enter(server: Server) -> bool:
            socket = stack.enter_context(dial(server, "/ws"))
            with suppress(ConnectionClosed):  # connections of the previous test may still be closing
                socket.send("hi")
                return socket.recv(DEADLINE) == "Message received: hi"
            return False

        for _ in range(10):
            for server in both:
                wait_until(lambda server=server: enter(server), "there is room")  # type: ignore[misc]
        for server in both:
            wait_until(lambda server=server: is_full(server), "the next one is turned away")  # type: ignore[misc]
    wait_until(lambda: scraped(left, "target_app_connections") == 0, "all have gone")
    wait_until(lambda: not is_full(left) and not is_full(right), "there is room again")


def is_full(server: Server) -> bool:
    """Return whether the limit refuses a connection. Otherwise it is refused for its name."""
    with dial(server, f"/ws/{'x' * 65}") as socket:
        return close_of(socket) == (1013, "too_many_connections_of_address")


def test_one_user_sends_only_so_much_over_all_workers(both: tuple[Server, Server]) -> None:
    left, right = both
    path = f"/notifications?token={make_token('grace')}"
    with dial(left, path) as one, dial(right, path) as two:
        here, there = Person(one), Person(two)
        for number in range(BURST):
            here.send("ping", id=number)
            assert here.wait("pong")["id"] == number
        here.send("ping", id=BURST)
        assert here.wait("error")["code"] == "rate_limited"
        # The bucket of the other worker was full. Its beats tell it that the user has spent all.
        assert any(is_limited(there) for _ in range(BURST - 1))


def is_limited(person: Person) -> bool:
    """Return whether a ping is limited. Sent slowly: the other worker must report before pings empty the bucket."""
    time.sleep(90 / BURST)
    person.send("ping", id=0)
    while (answer := person.read())["type"] not in ("pong", "error"):
        pass
    return bool(answer["type"] == "error" and answer["code"] == "rate_limited")


def test_failed_logins_are_counted_over_all_workers(both: tuple[Server, Server]) -> None:
    left, right = both

    def guess(server: Server) -> int:
        return post(server, "/auth/token", username="admin", password="guess").status_code

    assert [guess(server) for server in (left, right, left, right, left)] == [401] * 5
    assert [guess(server) for server in both] == [429] * 2


def test_a_later_worker_knows_the_logged_out_users(both: tuple[Server, Server], settings: dict[str, Any]) -> None:
    token = log_in(both[0], "user")
    with dial(both[1], f"/notifications?token={token}") as socket:
        assert Person(socket).read()["type"] == "welcome"
        assert post(both[0], "/auth/logout", token).status_code == 204
        assert close_of(socket) == (1008, "logged_out")
    with running("target_app", settings) as late:
        assert post(late, "/auth/refresh", token).status_code == 401
        newer = log_in(late, "user")
        assert post(both[0], "/auth/refresh", newer).status_code == 200


def test_logouts_are_stored_in_the_history_file(tmp_path: Path) -> None:
    settings = {"secret": SECRET, "history_path": tmp_path / "history.db"}
    with running("target_app", settings) as server:
        token = log_in(server, "user")
        assert post(server, "/auth/logout", token).status_code == 204
        server.process.kill()
        server.process.wait()
    with running("target_app", settings) as server:
        assert post(server, "/auth/refresh", token).status_code == 401


def test_all_workers_share_a_rate_window_except_while_they_are_disconnected(tmp_path: Path) -> None:
    async def scenario(server: Valkey) -> None:
        settings = Settings(backplane_url=SecretStr(server.url))
        workers = [Services.build(settings) for _ in range(2)]
        left, right = (RateWindow(services, "handshakes", 3) for services in workers)
        for services in workers:
            await services.backplane.start()
        try:
            assert [await window.hit("here") for window in (left, right, left, right, left)] == [True] * 3 + [False] * 2
            assert not await right.test("here")
            assert await right.hit("elsewhere")
            server.kill()
            assert [await window.hit("here") for window in (left, right)] == [True] * 2
        finally:
            for services in workers:
                await services.backplane.stop()

    with valkey(tmp_path) as server:
        asyncio.run(scenario(server))
