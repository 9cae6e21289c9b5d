"""Tests of reconnecting to a room during new messages, and after the death of a worker."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from target_app import __main__ as command
from target_app.history import Entry, recover
from target_app.rooms import Room
from target_app.services import Services
from target_app.settings import Settings
from target_app.sqlite_history import SqliteHistory
from tests.target_app.server import DEADLINE


class Interrupted(SqliteHistory):
    """A history that gets a new entry after each read, so that two reads never return the same."""

    async def latest(self, channel: str, limit: int) -> list[Entry]:
        read = await super().latest(channel, limit)
        await say(self, channel)
        return read

    async def since(self, channel: str, seq: int, limit: int) -> list[Entry]:
        read = await super().since(channel, seq, limit)
        await say(self, channel)
        return read


async def say(history: SqliteHistory, channel: str) -> None:
    await history.append(channel, "say", "ada", None, {"text": "hello"})


@asynccontextmanager
async def started(folder: Path) -> AsyncIterator[Services]:
    services = Services.build(Settings(history_path=folder / "history"))
    await services.history.start()
    try:
        yield services
    finally:
        await services.history.stop()


def test_messages_during_a_recovery_are_part_of_the_missed_messages(tmp_path: Path) -> None:
    async def scenario() -> None:
        history = Interrupted(tmp_path / "history", keep=100)
        await history.start()
        try:
            await say(history, "lobby")
            recovery = await recover(history, "lobby", history.epoch, 1, 100)
        finally:
            await history.stop()
        assert recovery.recovered
        assert [entry.seq for entry in recovery.entries] == [2]

    asyncio.run(scenario())


def test_a_client_that_read_an_unannounced_entry_is_not_kept_waiting(tmp_path: Path) -> None:
    """A worker was killed after it had stored an entry, and its client has reconnected to this one."""

    async def scenario() -> None:
        async with started(tmp_path) as services:
            room = Room("lobby", services)
            async with room.open():
                assert isinstance(services.history, SqliteHistory)
                await say(services.history, room.channel)
                assert room.head == 0
                assert await asyncio.wait_for(room.rest(1), DEADLINE) == []
                assert room.head == 1

    asyncio.run(scenario())


def test_a_worker_has_time_to_load_on_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvicorn replaces a worker that does not respond, and a worker does not respond while it is loading."""
    options: dict[str, object] = {}
    monkeypatch.setattr("sys.argv", ["target_app"])
    monkeypatch.setattr("uvicorn.run", lambda app, **given: options.update(given))
    command.main()
    assert options["timeout_worker_healthcheck"] == command.WORKER_CHECK_TIMEOUT >= 30


def test_a_stored_message_is_announced_even_if_its_sender_has_left(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with started(tmp_path) as services:
            heard: asyncio.Queue[Entry] = asyncio.Queue()
            async with services.timeline.following("room:x", heard.put_nowait):
                post = services.timeline.post("room:x", "say", "ada", None, {"text": "my last words"})
                posting = asyncio.create_task(post)
                await asyncio.sleep(0)  # the task has started
                await asyncio.sleep(0)
                posting.cancel()
                entry = await asyncio.wait_for(heard.get(), DEADLINE)
                assert (entry.seq, entry.body["text"]) == (1, "my last words")

    asyncio.run(scenario())
