"""Tests of two workers with a real Valkey server: one room for all, also when one worker is killed."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.typing import Subprotocol

from tests.target_app.conftest import StartServer
from tests.target_app.server import DEADLINE, LOCALLY, Server, running, wait_until
from tests.target_app.test_admin import ask, token_of
from tests.target_app.test_metrics import scraped
from tests.target_app.valkey import Valkey, valkey

CLIENTS = 200
SPEAKERS = 10
EACH_SAYS = 5
AWAY = (ConnectionClosed, InvalidHandshake, OSError, EOFError)


@pytest.fixture(scope="module")
def backplane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with valkey(tmp_path_factory.mktemp("valkey")) as started:
        yield started


@pytest.fixture(scope="module")
def server(backplane: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run two workers for all tests of this module. Each test has its own room."""
    settings = {
        "backplane_url": backplane.url,
        "backplane_name": "workers",
        "history_path": tmp_path_factory.mktemp("history") / "file",
        "secret": "x" * 32,
        "max_connections_per_user": 1_000,
        "ping_interval": 60,
    }
    with running("target_app", settings, arguments=("--workers", "2")) as started:
        yield started


class Member:
    """A client of a room that resumes with its cursor, and repeats unacknowledged messages."""

    def __init__(self, server: Server, room: str, token: str, name: str) -> None:
        self.name = f"{server.port}-{name}"
        self.heard: list[tuple[int, str]] = []
        self.unacknowledged: dict[str, str] = {}
        self.came_back: list[bool] = []
        self._url = server.url(f"/rooms/{room}")
        self._subprotocols = [Subprotocol("target_app.v1"), Subprotocol(f"bearer.{token}")]
        self._connection: ClientConnection | None = None
        self._cursor: dict[str, Any] = {}
        self.is_in = asyncio.Event()

    async def live(self) -> None:
        """Run until cancelled."""
        while True:
            try:
                async with connect(self._url, subprotocols=self._subprotocols, compression=None) as self._connection:
                    await self._attend(self._connection)
            except AWAY:
                self.is_in.clear()
                await asyncio.sleep(0.1)

    async def _attend(self, connection: ClientConnection) -> None:
        await connection.send(json.dumps({"type": "join"} | self._cursor))
        async for raw in connection:
            message = json.loads(raw)
            match message["type"]:
                case "joined":
                    if self._cursor:
                        self.came_back.append(message["recovered"])
                    self._cursor = {"epoch": message["epoch"], "seq": self._cursor.get("seq", message["seq"])}
                case "said":
                    self.heard.append((message["seq"], message["text"]))
                    self._cursor["seq"] = message["seq"]
                case "ack":
                    self.unacknowledged.pop(message["id"], None)
                case "members":
                    self.is_in.set()
                    for text in list(self.unacknowledged):
                        await self._send(text)

    async def say(self, text: str) -> None:
        self.unacknowledged[text] = text
        with suppress(*AWAY):  # in that case, the message is sent again
            await self._send(text)

    async def _send(self, text: str) -> None:
        assert self._connection is not None
        await self._connection.send(json.dumps({"type": "say", "id": text, "text": text}))


@asynccontextmanager
async def members(server: Server, room: str, count: int, *, both_workers: bool = True) -> AsyncIterator[list[Member]]:
    """Connect `count` members, or more until both workers have some. The system distributes the connections."""
    token = await asyncio.to_thread(token_of, server, "user")
    everybody: list[Member] = []
    living: list[asyncio.Task[None]] = []

    async def enter(newcomers: int) -> None:
        for _ in range(newcomers):
            everybody.append(Member(server, room, token, f"{len(everybody)}"))
            living.append(asyncio.create_task(everybody[-1].live()))
        await until(lambda: all(member.is_in.is_set() for member in everybody), "all are in the room")

    try:
        await enter(count)
        while both_workers and not await asyncio.to_thread(is_dealt_out, server):
            assert len(everybody) < count + 400
            await enter(20)
        yield everybody
        assert not [task.result() for task in living if task.done()]
    finally:
        for task in living:
            task.cancel()
        await asyncio.wait(living)


async def until(condition: Callable[[], object], what: str) -> None:
    async def met() -> None:
        while not condition():
            await asyncio.sleep(0.02)

    try:
        await asyncio.wait_for(met(), DEADLINE)
    except TimeoutError:
        pytest.fail(f"not within {DEADLINE} s: {what}")


async def until_scraped(server: Server, name: str, value: int) -> None:
    async with asyncio.timeout(DEADLINE):
        while await asyncio.to_thread(scraped, server, name) != value:
            await asyncio.sleep(0.05)


def heard_itself(member: Member, phase: str) -> bool:
    heard = {text for _, text in member.heard}
    return all(f"{phase} {member.name} {number}" in heard for number in range(EACH_SAYS))


async def talk(speakers: list[Member], phase: str) -> None:
    for number in range(EACH_SAYS):
        await asyncio.gather(*(speaker.say(f"{phase} {speaker.name} {number}") for speaker in speakers))


def check_all_heard_the_same(everybody: list[Member], count: int) -> None:
    """Check that all members received every message once, in one order, without a gap."""
    first = everybody[0].heard
    assert [seq for seq, _ in first] == list(range(1, count + 1))
    assert len({text for _, text in first}) == count
    assert {member.name: member.heard for member in everybody if member.heard != first} == {}


def is_dealt_out(server: Server) -> bool:
    """Return whether both workers have members. Polls until both answer, since a busy or new worker may be left out."""
    inside = wait_until(lambda: len(found := workers_of(server)) == 2 and found, "both workers answer")
    assert inside
    return all(worker["open"] > 0 for worker in inside.values())


def workers_of(server: Server) -> dict[str, Any]:
    answer = ask(server, "/admin/connections", "admin")
    found: dict[str, Any] = answer.json()["workers"]
    return found


def kill_a_worker(server: Server) -> None:
    children = psutil.Process(server.process.pid).children()
    processes = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    assert len(processes) == 2
    processes[0].send_signal(signal.SIGKILL)


def test_a_kick_closes_a_users_connections_on_both_workers(server: Server) -> None:
    async def scenario() -> None:
        async with members(server, "kicked", 16) as everybody:
            await asyncio.to_thread(ask, server, "/admin/kick", "admin", {"user": "user"})
            await until(lambda: all(member.came_back for member in everybody), "each was kicked, and came back")

    asyncio.run(scenario())


def test_without_the_backplane_each_worker_serves_its_own_members_without_a_loss(
    server: Server, backplane: Valkey
) -> None:
    async def scenario() -> None:
        async with members(server, "alone", 16) as everybody:
            speakers, count = everybody[:4], 4 * EACH_SAYS
            await talk(speakers, "before")
            await until(lambda: all(len(member.heard) == count for member in everybody), "all heard all")
            backplane.kill()
            await until_scraped(server, "target_app_backplane_connected", 0)
            await talk(speakers, "alone")
            await until(lambda: not any(member.unacknowledged for member in everybody), "all is acknowledged")
            await until(lambda: all(heard_itself(member, "alone") for member in speakers), "and heard on the spot")
            backplane.start()
            await until(lambda: all(len(member.heard) == 2 * count for member in everybody), "all have caught up")
            await until_scraped(server, "target_app_backplane_connected", 2)
            await talk(speakers, "after")
            await until(lambda: all(len(member.heard) == 3 * count for member in everybody), "and go on")
            check_all_heard_the_same(everybody, 3 * count)
            assert not any(member.came_back for member in everybody)

    asyncio.run(scenario())


def test_a_post_finds_its_event_stream_on_the_other_worker(server: Server) -> None:
    token = token_of(server, "user")
    headers = {"authorization": f"Bearer {token}"}
    with (
        httpx.Client(**LOCALLY) as client,
        client.stream("GET", server.url("/fallback/rooms/posted?join", "http"), headers=headers) as response,
    ):
        lines = response.iter_lines()
        session = next(line for line in lines if line.startswith("data: /fallback/")).removeprefix("data: ")
        for number in range(12):  # each on its own connection, which either worker may accept
            body = json.dumps({"type": "say", "id": f"{number}", "text": f"{number}"})
            assert httpx.post(server.url(session, "http"), content=body, **LOCALLY).status_code == 202
        said = (json.loads(line[6:]) for line in lines if line.startswith('data: {"type":"said"'))
        assert {next(said)["text"] for _ in range(12)} == {f"{number}" for number in range(12)}


def test_two_hosts_without_a_common_file_share_a_room(backplane: Valkey, tmp_path: Path) -> None:
    settings = {"backplane_url": backplane.url, "backplane_name": tmp_path.name, "secret": "x" * 32}

    async def scenario(hosts: list[Server]) -> None:
        async with (
            members(hosts[0], "hosts", 1, both_workers=False) as here,
            members(hosts[1], "hosts", 1, both_workers=False) as there,
        ):
            everybody = here + there
            await talk(everybody, "hosts")
            await until(lambda: all(len(member.heard) == 2 * EACH_SAYS for member in everybody), "both heard all")
            check_all_heard_the_same(everybody, 2 * EACH_SAYS)

    with running("target_app", settings) as first, running("target_app", settings) as second:
        asyncio.run(scenario([first, second]))


def test_several_workers_without_a_backplane_do_not_start() -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "target_app", "--workers", "2"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert finished.returncode == 1
    assert "Several workers need a place to meet" in finished.stderr


@pytest.mark.parametrize(("workers", "warned"), [(1, False), (2, True)])
def test_uvicorns_own_workers_say_that_each_of_them_is_a_server_of_its_own(
    start_server: StartServer, workers: int, warned: bool
) -> None:
    server = start_server(f"target_app.main:app --workers {workers}", secret="x" * 32)
    assert (f"each of these {workers} workers is a server of its own" in server.log()) is warned


@pytest.mark.slow
def test_two_hundred_members_receive_all_once_in_order_despite_a_killed_worker(server: Server) -> None:
    async def scenario() -> None:
        async with members(server, "crowd", CLIENTS) as everybody:
            await until_scraped(server, "target_app_connections", len(everybody))

            speakers, count = everybody[:SPEAKERS], SPEAKERS * EACH_SAYS
            await talk(speakers, "before")
            await until(lambda: all(len(member.heard) == count for member in everybody), "all heard all")
            check_all_heard_the_same(everybody, count)

            await talk(speakers, "dying")
            kill_a_worker(server)
            await talk(speakers, "dead")
            count *= 3
            await until(lambda: all(len(member.heard) >= count for member in everybody), "all heard all again")
            await until(lambda: not any(member.unacknowledged for member in everybody), "all is acknowledged")
            check_all_heard_the_same(everybody, count)
            back = [recovered for member in everybody for recovered in member.came_back]
            assert 0 < len(back) < len(everybody)
            assert all(back)

    asyncio.run(scenario())
