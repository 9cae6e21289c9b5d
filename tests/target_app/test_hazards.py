"""Tests of known hazards that no other test covers. `HAZARDS.md` lists all hazards."""

from __future__ import annotations

import asyncio
import selectors
import socket
import threading
from collections.abc import Iterator
from typing import Any, cast

import httpx
import psutil
import pytest
from websockets.sync.client import ClientConnection, connect

from target_app import users
from target_app.channels.dashboard import Feed
from target_app.connection import Connection
from target_app.main import create_app
from target_app.metrics import HandlingTimes
from target_app.services import Services
from target_app.settings import Settings
from tests.target_app.conftest import Enter, StartServer
from tests.target_app.peers import TINY_BUFFER
from tests.target_app.people import close_of, dial
from tests.target_app.server import DEADLINE, STARTS, Server, running, wait_until

BIG = "x" * 60_000


@pytest.fixture(scope="module", params=["target_app", "target_app --direct"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    with running(request.param, {}) as started:
        yield started


def next_messages(member: ClientConnection, count: int) -> list[str]:
    """Return the next `count` messages of the room, without answers and notices."""
    heard: list[str] = []
    while len(heard) < count:
        text = str(member.recv(DEADLINE))
        if " says: " in text:
            heard.append(text)
    return heard


def be_heard(newcomer: ClientConnection) -> None:
    """Send a message and wait for it, which proves that the newcomer is in the room."""
    newcomer.send("here")
    next_messages(newcomer, 1)


def slow_reader(server: Server, path: str) -> ClientConnection:
    """Connect a client that reads only two messages by itself, and has a tiny receive buffer."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, TINY_BUFFER)
    sock.connect(("127.0.0.1", server.port))
    return dial_with(server, path, sock=sock, max_queue=1)


def dial_with(server: Server, path: str, **options: Any) -> ClientConnection:
    standard = {"compression": None, "open_timeout": DEADLINE, "ping_interval": None}
    opened: ClientConnection = connect(server.url(path), **{**standard, **options})
    return opened


def queued_bytes(server: Server) -> float:
    lines = server.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith("target_app_queue_bytes{"))


@pytest.mark.parametrize("app", STARTS)
def test_late_readers_and_departures_lose_no_message_order_or_pong_of_others(
    start_server: StartServer, enter: Enter, app: str
) -> None:
    server = start_server(app, outbox_bytes=64_000_000, write_timeout=3600)
    goes = enter(server, "/ws/goes")
    be_heard(goes)
    with slow_reader(server, "/ws/slow") as slow:
        be_heard(slow)
        one, two, stays = (enter(server, f"/ws/{name}") for name in ("one", "two", "stays"))
        for newcomer in (one, two, stays):
            be_heard(newcomer)
        for number in range(50):
            one.send(f"{number} {BIG}")
            two.send(f"{number} {BIG}")
        wait_until(lambda: queued_bytes(server) > 0, "the slow one keeps something waiting")
        goes.close()
        for number in range(50, 60):
            one.send(f"{number} {BIG}")
            two.send(f"{number} {BIG}")
        for talker in (one, two):
            assert talker.ping().wait(DEADLINE), "a full buffer of one client delays the pongs of others"
        late = [text for text in next_messages(slow, 123) if BIG in text]
        assert len(late) == 120
        for name in ("one", "two"):
            numbers = [int(text.split()[3]) for text in late if text.startswith(f"Client #{name} ")]
            assert numbers == list(range(60))
        for member in (one, two, stays):
            heard: list[str] = []
            while len(heard) < 120:
                heard += [text for text in next_messages(member, 1) if BIG in text]
            assert heard == late
    assert server.ended("slow_consumer") == 0


def test_a_normal_close_is_logged_in_one_line_and_no_error(server: Server) -> None:
    """Must be the first test of this server, since it reads the whole log."""
    for path in ("/ws", "/ws/7", "/dashboard-feed"):
        with dial(server, path):
            pass
    wait_until(lambda: server.log().count("ended channel=") >= 3, "three endings are logged")
    log = server.log()
    assert log.count("why=disconnected code=1000") == 3
    assert "rror" not in log


def test_an_upload_to_the_dashboard_has_the_message_size_limit(server: Server) -> None:
    with dial(server, "/dashboard-feed") as viewer:
        viewer.send("x" * 65_536)
        viewer.send("x" * 65_537)
        code, _ = close_of(viewer)
        assert code == 1009


def test_the_server_listens_on_loopback_by_default(server: Server) -> None:
    listening = [c.laddr for c in psutil.Process(server.process.pid).net_connections() if c.status == "LISTEN"]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", server.port)]


def test_a_password_check_does_not_delay_other_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, served = threading.Event(), threading.Event()

    def check(*_: object) -> None:
        begun.set()
        assert served.wait(DEADLINE), "no other client was served during the check"

    monkeypatch.setattr(users, "authenticate", check)

    async def scenario() -> None:
        app = create_app(Settings())
        server = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1")
        async with app.router.lifespan_context(app), server as client:
            login = asyncio.create_task(client.post("/auth/token", json={"username": "ada", "password": "x"}))
            while not begun.is_set():
                await asyncio.sleep(0.001)
            assert (await client.get("/healthz")).status_code == 200
            served.set()
            assert (await login).status_code == 401

    asyncio.run(scenario())


def test_handling_times_are_reported_in_milliseconds() -> None:
    times = HandlingTimes()
    for nanoseconds in (1_000_000, 3_000_000):
        times.add(nanoseconds)
    assert times.mean_ms() == 2.0


class Jumping(selectors.SelectSelector):
    """A selector that does not wait, but advances the clock by the timeout."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self.now += max(timeout or 0.0, 0.0)
        return super().select(0)


class Viewer:
    """A viewer that discards readings."""

    def send(self, data: str) -> None: ...

    def deliver(self, message: object) -> None: ...


def test_a_reading_that_takes_long_delays_no_later_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of this loop jumps to the next timer, so it is exact."""
    clock = Jumping()
    loop = asyncio.SelectorEventLoop(clock)
    monkeypatch.setattr(loop, "time", lambda: clock.now)
    feed, times = Feed(Services.build(Settings(dashboard_period=1))), []

    def read() -> str:
        times.append(clock.now)
        clock.now += 1.75 if len(times) == 4 else 0.25
        return "{}"

    monkeypatch.setattr(feed, "_read", read)

    async def watch() -> None:
        with feed.viewing(cast("Connection", Viewer())):
            await asyncio.sleep(8.5)

    try:
        loop.run_until_complete(watch())
    finally:
        loop.close()
    assert times == [0.0, 1.25, 2.25, 3.25, 5.25, 6.25, 7.25, 8.25]  # the fourth reading takes all of the next period
