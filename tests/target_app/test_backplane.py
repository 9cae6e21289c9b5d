"""Tests of backplane, timeline and presence: two workers in one process, with a real Valkey server."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio.client import PubSub

from target_app import presence as presence_module
from target_app.backplane import BEAT, Backplane, LocalBackplane
from target_app.cluster import redis_backplane
from target_app.cluster.redis_backplane import RedisBackplane
from target_app.history import Entry
from target_app.presence import Presence
from target_app.sqlite_history import SqliteHistory
from target_app.timeline import Timeline
from tests.target_app.server import DEADLINE
from tests.target_app.valkey import Valkey, valkey

NUMBER = 50


@dataclass(frozen=True, slots=True)
class Worker:
    backplane: Backplane
    history: SqliteHistory
    timeline: Timeline
    presence: Presence


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    with valkey(tmp_path) as started:
        yield started


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise the timeouts, since a server on a busy machine may be slow without being out of reach."""
    monkeypatch.setattr(redis_backplane, "COMMAND_TIMEOUT", DEADLINE)
    monkeypatch.setattr(redis_backplane, "SILENCE", DEADLINE)


@asynccontextmanager
async def worker(url: str | None, file: Path | None = None) -> AsyncIterator[Worker]:
    backplane: Backplane = LocalBackplane() if url is None else RedisBackplane(url, "test")
    history = SqliteHistory(file, keep=10_000)
    built = Worker(backplane, history, Timeline(history, backplane), Presence(backplane))
    await history.start()
    await backplane.start()
    try:
        yield built
    finally:
        await backplane.stop()
        await history.stop()


@asynccontextmanager
async def two_workers(server: Valkey, folder: Path) -> AsyncIterator[tuple[Worker, Worker]]:
    async with AsyncExitStack() as stack:
        left = await stack.enter_async_context(worker(server.url, folder / "history"))
        right = await stack.enter_async_context(worker(server.url, folder / "history"))
        await until(lambda: left.backplane.connected and right.backplane.connected, "both are connected")
        yield left, right


async def until(condition: Callable[[], object], what: str) -> None:
    ends = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < ends, f"not within {DEADLINE} s: {what}"
        await asyncio.sleep(0.01)


def kept(into: list[str]) -> Callable[[Entry], None]:
    return lambda entry: into.append(f"{entry.seq} {entry.body['text']}")


async def post(worker: Worker, text: str) -> None:
    await worker.timeline.post("lobby", "said", "ada", None, {"text": text})


async def stored(worker: Worker) -> list[str]:
    return [f"{entry.seq} {entry.body['text']}" for entry in await worker.history.since("lobby", 0, 1_000)]


def test_a_single_worker_receives_its_own_publications_on_its_subscriptions() -> None:
    async def scenario() -> None:
        backplane, heard = LocalBackplane(), list[str]()
        end = backplane.subscribe("news", heard.append)
        await backplane.publish("news", "one")
        await backplane.publish("sports", "two")
        end()
        await backplane.publish("news", "three")
        assert heard == ["one"]

    asyncio.run(scenario())


def test_a_failing_listener_does_not_affect_the_others() -> None:
    async def scenario() -> None:
        backplane, heard = LocalBackplane(), list[str]()
        backplane.subscribe("news", lambda payload: heard.append(payload[99]))
        backplane.subscribe("news", heard.append)
        await backplane.publish("news", "one")
        assert heard == ["one"]

    asyncio.run(scenario())


def test_publications_while_the_reader_closes_a_lost_connection_are_delivered_locally(
    server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader has noticed the loss, the sender has not: the sender must not end the reader's wait twice."""

    async def scenario() -> None:
        closing, close = asyncio.Event(), PubSub.aclose

        async def close_slowly(listening: PubSub) -> None:
            closing.set()
            await said.wait()
            await close(listening)  # type: ignore[no-untyped-call]

        said = asyncio.Event()
        monkeypatch.setattr(PubSub, "aclose", close_slowly)
        backplane, heard = RedisBackplane(server.url, "test"), list[str]()
        await backplane.start()
        try:
            backplane.subscribe("news", heard.append)
            assert backplane.connected
            server.kill()
            await asyncio.wait_for(closing.wait(), DEADLINE)
            await backplane.publish("news", "one")
            assert heard == ["one"]
        finally:
            said.set()
            await backplane.stop()

    asyncio.run(scenario())


def test_a_write_to_a_connection_that_uvloop_has_closed_is_a_lost_connection_and_no_fault(
    server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scenario() -> None:
        get_message, failures = PubSub.get_message, [RuntimeError("the handler is closed")]

        async def fail_once(listening: PubSub, *arguments: object, **keywords: object) -> object:
            if failures:
                raise failures.pop()
            return await get_message(listening, *arguments, **keywords)  # type: ignore[arg-type]

        monkeypatch.setattr(PubSub, "get_message", fail_once)
        backplane, heard = RedisBackplane(server.url, "test"), list[str]()
        backplane.subscribe("news", heard.append)
        await backplane.start()
        try:
            await until(lambda: backplane.connected, "the backplane is connected again")
            await backplane.publish("news", "one")
            await until(lambda: heard == ["one"], "the publication is received")
            assert backplane.faults == 0
        finally:
            await backplane.stop()

    asyncio.run(scenario())


def test_two_workers_receive_all_publications_in_one_order(server: Valkey, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_workers(server, tmp_path) as workers:
            heard: list[list[str]] = [[], []]
            for each, into in zip(workers, heard, strict=True):
                each.backplane.subscribe("news", into.append)

            async def talk(each: Worker, name: str) -> None:
                for number in range(NUMBER):
                    await each.backplane.publish("news", f"{name}{number}")

            await asyncio.gather(talk(workers[0], "left"), talk(workers[1], "right"))
            await until(lambda: [len(into) for into in heard] == [2 * NUMBER] * 2, "all is heard")
            assert heard[0] == heard[1]
            for name in ("left", "right"):
                own = [text for text in heard[0] if text.startswith(name)]
                assert own == [f"{name}{number}" for number in range(NUMBER)]

    asyncio.run(scenario())


def test_without_the_backplane_a_worker_serves_its_own_members_and_notes_the_gap(
    server: Valkey, tmp_path: Path
) -> None:
    async def scenario() -> None:
        async with two_workers(server, tmp_path) as (left, right):
            heard, states = list[str](), list[bool]()
            left.backplane.subscribe("news", heard.append)
            left.backplane.watch(states.append)
            server.kill()
            await left.backplane.publish("news", "alone")
            assert heard == ["alone"]
            await until(lambda: states == [False], "the lost connection is reported")
            server.start()
            await until(lambda: states == [False, True], "the restored connection is reported")
            await until(lambda: right.backplane.connected, "the other is back, too")
            await right.backplane.publish("news", "together")
            await until(lambda: len(heard) > 1, "both workers receive publications again")
            assert heard == ["alone", "together"]

    asyncio.run(scenario())


def test_an_unreadable_message_is_logged_and_counted_and_the_worker_reads_on(
    server: Valkey, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> None:
        async with two_workers(server, tmp_path) as (left, right):
            heard, states = list[str](), list[bool]()
            left.backplane.subscribe("news", heard.append)
            left.backplane.watch(states.append)
            stranger = redis_backplane.connect(server.url)
            await stranger.publish("test:backplane", "no letter of a worker")
            await stranger.aclose()
            both = (left.backplane, right.backplane)
            await until(lambda: all(each.faults == 1 and each.connected for each in both), "both have begun anew")
            assert states == [False, True]
            assert "fault task=backplane reader" in caplog.text
            await right.backplane.publish("news", "together")
            await until(lambda: heard == ["together"], "both workers receive publications again")

    asyncio.run(scenario())


def test_a_silent_backplane_server_counts_as_lost(
    server: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_backplane, "COMMAND_TIMEOUT", 0.3)

    async def scenario() -> None:
        async with two_workers(server, tmp_path) as (left, _right):
            heard = list[str]()
            left.backplane.subscribe("news", heard.append)
            server.freeze()
            await left.backplane.publish("news", "while frozen")
            assert (heard, left.backplane.connected) == (["while frozen"], False)
            server.thaw()
            await until(lambda: left.backplane.connected, "it is back")
            await left.backplane.publish("news", "after")
            await until(lambda: "after" in heard, "it is heard again")
            assert heard == ["while frozen", "after"]

    asyncio.run(scenario())


def test_a_worker_waits_for_a_backplane_that_is_down_at_the_start(server: Valkey, tmp_path: Path) -> None:
    server.kill()

    async def scenario() -> None:
        async with worker(server.url) as early:
            assert not early.backplane.connected
            server.start()
            await until(lambda: early.backplane.connected, "the backplane is connected")

    asyncio.run(scenario())


def test_posts_of_two_workers_reach_both_once_in_history_order(server: Valkey, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_workers(server, tmp_path) as (left, right):
            heard: list[list[str]] = [[], []]
            async with (
                left.timeline.following("lobby", kept(heard[0])),
                right.timeline.following("lobby", kept(heard[1])),
            ):
                await asyncio.gather(*(post(each, f"{n}") for n in range(NUMBER) for each in (left, right)))
                await until(lambda: [len(into) for into in heard] == [2 * NUMBER] * 2, "all is heard")
            assert heard[0] == heard[1] == await stored(left)

    asyncio.run(scenario())


def test_posts_during_a_backplane_outage_are_caught_up(server: Valkey, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_workers(server, tmp_path) as (left, right):
            heard: list[list[str]] = [[], []]
            async with (
                left.timeline.following("lobby", kept(heard[0])),
                right.timeline.following("lobby", kept(heard[1])),
            ):
                await post(left, "before")
                await until(lambda: len(heard[1]) == 1, "both workers receive the entry")
                server.kill()
                for number in range(5):
                    await post(left, f"left {number}")
                    await post(right, f"right {number}")
                await until(lambda: [len(into) >= 10 for into in heard] == [True, True], "one's own are heard at once")
                server.start()
                await until(lambda: [len(into) for into in heard] == [11, 11], "both have caught up")
                await post(right, "after")
                await until(lambda: [len(into) for into in heard] == [12, 12], "and go on")
            assert heard[0] == heard[1] == await stored(left)

    asyncio.run(scenario())


def test_a_lost_announcement_is_recovered_by_the_next_one() -> None:
    async def scenario() -> None:
        async with worker(None) as only:
            heard: list[str] = []
            await post(only, "before")
            async with only.timeline.following("lobby", kept(heard)) as head:
                assert head == 1
                await only.history.append("lobby", "said", "ada", "7", {"text": "unannounced"})
                await post(only, "announced")
                await until(lambda: len(heard) == 2, "both are heard")
                await only.timeline.post("lobby", "said", "ada", "7", {"text": "unannounced"})
                await post(only, "last")
                await until(lambda: len(heard) == 3, "a duplicate is not heard again")
            await post(only, "unheard")
            assert heard == ["2 unannounced", "3 announced", "4 last"]

    asyncio.run(scenario())


def test_a_failing_follower_does_not_affect_the_others() -> None:
    async def scenario() -> None:
        async with worker(None) as only:
            heard: list[str] = []

            def fail(entry: Entry) -> None:
                raise KeyError(entry.seq)

            async with only.timeline.following("lobby", fail), only.timeline.following("lobby", kept(heard)):
                await post(only, "one")
                await post(only, "two")
            assert heard == ["1 one", "2 two"]

    asyncio.run(scenario())


def test_a_cancelled_publication_does_not_affect_the_others(server: Valkey, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_workers(server, tmp_path) as (left, right):
            heard, states = list[str](), list[bool]()
            right.backplane.subscribe("news", heard.append)
            left.backplane.watch(states.append)
            for number in range(NUMBER):
                impatient = asyncio.create_task(left.backplane.publish("other", f"{number}"))
                patient = asyncio.create_task(left.backplane.publish("news", f"{number}"))
                for _ in range(number % 5):
                    await asyncio.sleep(0)
                impatient.cancel()
                await patient
            await until(lambda: len(heard) == NUMBER, "all but what was given up")
            assert heard == [f"{number}" for number in range(NUMBER)]
            assert states == []

    asyncio.run(scenario())


def test_presence_is_the_same_in_both_workers_and_counts_users_not_connections(server: Valkey, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_workers(server, tmp_path) as (left, right):
            changes: list[tuple[str, str, bool]] = []
            right.presence.watch(lambda *change: changes.append(change))
            assert left.presence.join("lobby", "ada", "1")
            await until(lambda: right.presence.members("lobby") == ["ada"], "the other worker knows ada")
            assert not right.presence.join("lobby", "ada", "2")
            right.presence.join("lobby", "grace", "3")
            await until(lambda: left.presence.members("lobby") == ["ada", "grace"], "the first worker knows grace")
            left.presence.leave("lobby", "1")
            left.presence.leave("lobby", "1")
            right.presence.leave("lobby", "3")
            await until(lambda: left.presence.members("lobby") == ["ada"], "ada has another connection")
            right.presence.leave("lobby", "2")
            await until(lambda: left.presence.members("lobby") == [], "nobody is left")
            lobby = [
                ("lobby", "ada", True),
                ("lobby", "grace", True),
                ("lobby", "grace", False),
                ("lobby", "ada", False),
            ]
            assert changes == lobby

    asyncio.run(scenario())


def test_a_late_worker_learns_the_present_members(server: Valkey, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with worker(server.url) as early:
            early.presence.join("lobby", "ada", "1")
            async with worker(server.url) as late:
                await until(lambda: late.presence.members("lobby") == ["ada"], "the late worker knows the members")

    asyncio.run(scenario())


def test_the_members_of_a_silent_worker_are_removed(
    server: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_module, "LIFETIME", 0.5)
    monkeypatch.setattr(redis_backplane, "BEAT_INTERVAL", 0.1)

    async def scenario() -> None:
        async with worker(server.url) as staying:
            async with worker(server.url) as going:
                going.presence.join("lobby", "ada", "1")
                await until(lambda: staying.presence.members("lobby") == ["ada"], "ada is there")
            await until(lambda: staying.presence.members("lobby") == [], "ada has gone with her worker")

    asyncio.run(scenario())


def test_a_silent_worker_without_connections_is_removed(
    server: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(presence_module, "LIFETIME", 0.5)
    monkeypatch.setattr(redis_backplane, "BEAT_INTERVAL", 0.1)

    async def scenario() -> None:
        gone: list[str] = []
        async with worker(server.url) as staying:
            staying.presence.watch_workers(gone.append)
            async with worker(server.url) as idle:
                name = idle.backplane.worker
                await until(lambda: name in staying.presence._heard_at, "the idle worker is known")
            await until(lambda: gone == [name], "its removal is reported")

    asyncio.run(scenario())
    assert "fault topic" not in caplog.text


def test_joins_and_leaves_during_an_outage_are_known_afterwards(server: Valkey, tmp_path: Path) -> None:
    async def scenario() -> None:
        async with two_workers(server, tmp_path) as (left, right):
            left.presence.join("lobby", "ada", "1")
            await until(lambda: right.presence.members("lobby") == ["ada"], "ada is there")
            server.kill()
            left.presence.leave("lobby", "1")
            left.presence.join("lobby", "grace", "2")
            assert left.presence.members("lobby") == ["grace"]
            server.start()
            await until(lambda: right.presence.members("lobby") == ["grace"], "the other worker knows")

    asyncio.run(scenario())


def test_heartbeats_carry_the_name_of_the_worker(
    server: Valkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_backplane, "BEAT_INTERVAL", 0.05)

    async def scenario() -> None:
        async with two_workers(server, tmp_path) as (left, right):
            heard: list[str] = []
            left.backplane.subscribe(BEAT, heard.append)
            await until(lambda: set(heard) == {left.backplane.worker, right.backplane.worker}, "both beat")

    asyncio.run(scenario())
