"""Tests of the history in a real Valkey server, which several hosts share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from target_app.cluster.redis_history import RedisHistory
from target_app.history import HistoryUnavailable, Inboxes, InboxFull, recover
from tests.target_app.server import DEADLINE
from tests.target_app.valkey import Valkey, valkey


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Valkey]:
    with valkey(tmp_path, keep=True) as started:
        yield started


@asynccontextmanager
async def opened(server: Valkey, keep: int = 1_000) -> AsyncIterator[RedisHistory]:
    history = RedisHistory(server.url, "test", keep)
    await history.start()
    try:
        yield history
    finally:
        await history.stop()


async def say(history: RedisHistory, *texts: str) -> None:
    for text in texts:
        await history.append("lobby", "said", "ada", None, {"text": text})


async def seqs(history: RedisHistory) -> list[int]:
    return [entry.seq for entry in await history.since("lobby", 0, 1_000)]


def test_two_hosts_share_the_numbers_and_read_the_same_entries(server: Valkey) -> None:
    async def scenario() -> None:
        async with opened(server) as left, opened(server) as right:
            await asyncio.gather(*(say(history, *"abcde") for history in (left, right)))
            assert await seqs(left) == await seqs(right) == list(range(1, 11))
            assert await left.latest("lobby", 3) == await right.since("lobby", 7, 3)
            assert left.epoch == right.epoch != ""
            assert (await recover(left, "lobby", right.epoch, 8, 5)).recovered

    asyncio.run(scenario())


def test_a_repeated_client_id_gets_the_first_receipt_from_any_host(server: Valkey) -> None:
    async def scenario() -> None:
        async with opened(server) as left, opened(server) as right:
            first = await left.append("lobby", "said", "ada", "1", {"n": 1})
            again = await right.append("lobby", "said", "ada", "1", {"n": 2})
            other = await right.append("lobby", "said", "grace", "1", {"n": 3})
            assert (again.seq, again.at, again.duplicate) == (first.seq, first.at, True)
            assert (other.seq, other.duplicate) == (2, False)
            assert [entry.body for entry in await left.latest("lobby", 9)] == [{"n": 1}, {"n": 3}]

    asyncio.run(scenario())


def test_only_the_newest_entries_are_kept_and_a_gap_is_reported(server: Valkey) -> None:
    async def scenario() -> None:
        async with opened(server, keep=3) as history:
            await say(history, *"abcdef")
            assert await seqs(history) == [4, 5, 6]
            assert not (await recover(history, "lobby", history.epoch, 2, 9)).recovered

    asyncio.run(scenario())


def test_acknowledged_messages_survive_the_server_and_others_are_refused(server: Valkey) -> None:
    async def scenario() -> None:
        async with opened(server) as history:
            await say(history, "a", "b")
            epoch = history.epoch
            server.kill()
            with pytest.raises(HistoryUnavailable):
                await say(history, "lost")
            server.start()
            await say(history, "c")
            assert [entry.body["text"] for entry in await history.latest("lobby", 9)] == ["a", "b", "c"]
            assert history.epoch == epoch

    asyncio.run(scenario())


def test_a_server_that_is_missing_at_the_start_may_start_later(server: Valkey) -> None:
    server.kill()

    async def scenario() -> None:
        async with opened(server) as history:
            server.start()
            await say(history, "a")
            assert await seqs(history) == [1]

    asyncio.run(scenario())


def test_a_task_cancelled_during_a_query_ends(server: Valkey) -> None:
    """The library may ignore a cancellation in the middle of a command."""

    async def scenario() -> None:
        async with opened(server) as history:

            async def asker() -> None:
                await history.latest("lobby", 9)
                await asyncio.Event().wait()

            for turns in range(60):
                asking = asyncio.create_task(asker())
                for _ in range(turns % 15):
                    await asyncio.sleep(0)
                asking.cancel()
                await asyncio.wait({asking}, timeout=DEADLINE)
                assert asking.cancelled()
            await say(history, "a")
            assert await seqs(history) == [1]

    asyncio.run(scenario())


def test_entries_are_kept_until_each_reader_has_acknowledged_them(server: Valkey) -> None:
    async def scenario() -> None:
        async with opened(server, keep=2) as history:

            async def send(number: int, sender: str = "ada", most_of_sender: int = 9) -> int:
                inboxes = Inboxes(("grace", "alan"), most=4, most_of_sender=most_of_sender)
                return (await history.append("alerts", "alert", sender, f"{number}", {"n": number}, inboxes)).seq

            async def unread(reader: str) -> list[int]:
                return [entry.body["n"] for entry in await history.unread(reader, "alerts")]

            first = await send(0)
            await send(1, "eve")
            with pytest.raises(InboxFull):
                await send(2, "eve", most_of_sender=1)
            await send(3)
            await send(4)
            with pytest.raises(InboxFull):
                await send(5)
            assert await send(0) == first  # a duplicate is already stored, and needs no space
            assert await unread("grace") == await unread("alan") == [0, 1, 3, 4]
            await history.acknowledge("grace", "alerts", first)
            await history.acknowledge("grace", "alerts", first)
            assert (await unread("grace"), await unread("alan")) == ([1, 3, 4], [0, 1, 3, 4])
            with pytest.raises(InboxFull):
                await send(6)  # the inbox of alan is full
            await history.acknowledge("alan", "alerts", first)
            await send(6)
            assert await unread("grace") == await unread("alan") == [1, 3, 4, 6]
            assert await history.unread("eve", "alerts") == []

    asyncio.run(scenario())
