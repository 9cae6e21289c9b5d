from __future__ import annotations

import asyncio
import signal
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from target_app.history import HistoryUnavailable, Inboxes, InboxFull, Recovery, recover
from target_app.sqlite_history import MOST_BYTES, SqliteHistory
from tests.target_app.server import DEADLINE

WRITE_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from target_app.sqlite_history import SqliteHistory

async def talk(history, name):
    for number in range(1_000_000):
        stored = await history.append("lobby", "said", name, f"{number}", {"text": f"{name} {number}"})
        print(stored.seq, name, number, flush=True)

async def main():
    history = SqliteHistory(Path(sys.argv[1]), keep=1_000_000)
    await history.start()
    await asyncio.gather(*(talk(history, f"user{number}") for number in range(20)))

asyncio.run(main())
"""


@asynccontextmanager
async def opened(
    path: Path | None = None, keep: int = 1_000, most_bytes: int = MOST_BYTES
) -> AsyncIterator[SqliteHistory]:
    history = SqliteHistory(path, keep, most_bytes=most_bytes)
    await history.start()
    try:
        yield history
    finally:
        await history.stop()


async def say(history: SqliteHistory, *texts: str, channel: str = "lobby") -> None:
    for text in texts:
        await history.append(channel, "said", "ada", None, {"text": text})


def test_entries_come_back_in_order_and_numbered_for_each_channel() -> None:
    async def scenario() -> None:
        async with opened() as history:
            await asyncio.gather(*(say(history, text) for text in "abcde"))
            await say(history, "elsewhere", channel="attic")
            latest = await history.latest("lobby", 3)
            assert [(entry.seq, entry.body["text"]) for entry in latest] == [(3, "c"), (4, "d"), (5, "e")]
            assert [entry.seq for entry in await history.since("lobby", 1, 2)] == [2, 3]
            assert [entry.seq for entry in await history.latest("attic", 9)] == [1]
            assert await history.latest("nowhere", 9) == []

    asyncio.run(scenario())


def test_a_repeated_client_id_is_stored_once_and_gets_the_first_receipt() -> None:
    async def scenario() -> None:
        async with opened() as history:
            both = await asyncio.gather(*(history.append("lobby", "said", "ada", "1", {"n": n}) for n in range(2)))
            later = await history.append("lobby", "said", "ada", "1", {"n": 2})
            assert [(stored.seq, stored.duplicate) for stored in (*both, later)] == [(1, False), (1, True), (1, True)]
            assert later.at == both[0].at
            for channel, sender in (("lobby", "grace"), ("attic", "ada")):
                assert not (await history.append(channel, "said", sender, "1", {})).duplicate
            assert [entry.body for entry in await history.since("lobby", 0, 9)] == [{"n": 0}, {}]

    asyncio.run(scenario())


def test_only_the_newest_entries_are_kept_and_the_numbers_continue() -> None:
    async def scenario() -> None:
        async with opened(keep=3) as history:
            await say(history, *"abcdefg")
            assert [entry.seq for entry in await history.since("lobby", 0, 99)] == [5, 6, 7]

    asyncio.run(scenario())


def test_a_file_keeps_its_entries_and_its_epoch_and_another_file_has_another(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "one") as history:
            await say(history, "a")
            epoch = history.epoch
        async with opened(tmp_path / "one") as again, opened(tmp_path / "two") as other:
            assert [entry.body["text"] for entry in await again.latest("lobby", 9)] == ["a"]
            assert (again.epoch == epoch, other.epoch == epoch) == (True, False)

    asyncio.run(scenario())


def test_two_stores_on_one_file_share_the_numbers(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "one") as left, opened(tmp_path / "one") as right:
            assert left.epoch == right.epoch
            await asyncio.gather(*(say(store, *"abcdefghij") for store in (left, right)))
            assert [entry.seq for entry in await left.since("lobby", 0, 99)] == list(range(1, 21))

    asyncio.run(scenario())


def test_a_returning_client_recovers_or_is_told_that_it_did_not() -> None:
    async def scenario() -> None:
        async with opened(keep=5) as history:
            epoch = history.epoch
            assert await recover(history, "lobby", epoch, 0, 9) == Recovery(True, [])
            await say(history, *"abcdefg")

            async def caught_up(seq: int, epoch: str = epoch, limit: int = 9) -> tuple[bool, list[int]]:
                recovery = await recover(history, "lobby", epoch, seq, limit)
                return recovery.recovered, [entry.seq for entry in recovery.entries]

            assert await caught_up(5) == (True, [6, 7])
            assert await caught_up(7) == (True, [])
            assert await caught_up(2) == (True, [3, 4, 5, 6, 7])
            assert await caught_up(1) == (False, [3, 4, 5, 6, 7])  # 2 has been deleted
            assert await caught_up(8) == (False, [3, 4, 5, 6, 7])  # there never was an 8
            assert await caught_up(5, "another") == (False, [3, 4, 5, 6, 7])
            assert await caught_up(4, limit=2) == (False, [6, 7])  # more than the limit

    asyncio.run(scenario())


def test_a_message_that_cannot_be_stored_is_not_acknowledged(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "one") as history:
            with pytest.raises(ValueError, match="JSON"):
                await history.append("lobby", "said", "ada", None, {"text": float("nan")})
            other = sqlite3.connect(tmp_path / "one")
            other.execute("CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT raise(ABORT, 'no room'); END")
            with pytest.raises(HistoryUnavailable, match="no room"):
                await say(history, "lost")
            other.execute("DROP TRIGGER full")
            other.close()
            await say(history, "kept")
            assert [(entry.seq, entry.body["text"]) for entry in await history.latest("lobby", 9)] == [(1, "kept")]

    asyncio.run(scenario())


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    async def scenario() -> None:
        with pytest.raises(HistoryUnavailable, match="missing"):
            await SqliteHistory(tmp_path / "missing" / "file", 1).start()

    asyncio.run(scenario())


def test_acknowledged_messages_survive_kill_9(tmp_path: Path) -> None:
    file = tmp_path / "history"
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITE_UNTIL_KILLED, str(file)], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    with writer.stdout as receipts:
        acknowledged = [receipts.readline() for _ in range(500)]
        writer.kill()
        acknowledged += receipts.readlines()
    assert writer.wait(DEADLINE) == -signal.SIGKILL
    promised = [line.split() for line in acknowledged if line.endswith(b"\n")]

    async def stored_entries() -> dict[int, str]:
        async with opened(file, keep=1_000_000) as history:
            return {entry.seq: entry.body["text"] for entry in await history.since("lobby", 0, 1_000_000)}

    kept = asyncio.run(stored_entries())
    assert len(promised) >= 500
    for seq, name, number in promised:
        assert kept[int(seq)] == f"{name.decode()} {number.decode()}"
    assert sorted(kept) == list(range(1, len(kept) + 1))


def test_entries_are_kept_until_each_reader_has_acknowledged_them() -> None:
    async def scenario() -> None:
        async with opened(keep=2) as history:

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


def test_the_whole_has_a_bound_in_bytes_and_the_oldest_entries_of_rooms_give_way(tmp_path: Path) -> None:
    """The limit does not depend on the number of rooms. Alerts and logouts are kept, and no number is reused."""

    async def scenario() -> None:
        path, rooms = tmp_path / "history.db", [f"room:{number}" for number in range(20)]
        async with opened(path, most_bytes=1 << 20) as history:
            await history.append("logouts", "logout", "ada", None, {"at": 1})
            for number in range(200):
                await say(history, f"{number}".ljust(10_000), channel=rooms[number // 10])
            assert sum(file.stat().st_size for file in tmp_path.glob("history.db")) < 2 << 20
            assert [entry.kind for entry in await history.latest("logouts", 9)] == ["logout"]
            assert await history.latest(rooms[0], 9) == []
            kept = await history.latest(rooms[-1], 1)
            assert kept[0].body["text"].strip() == "199"
            await say(history, "again", channel=rooms[0])
            (again,) = await history.latest(rooms[0], 9)
            assert again.seq > 10, "sequence numbers of evicted entries must not be reused"
            assert not (await recover(history, rooms[0], history.epoch, 5, 99)).recovered

    asyncio.run(scenario())


def test_a_failed_write_is_counted_and_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        async with opened(tmp_path / "history.db") as history:
            await history.check()
            with sqlite3.connect(tmp_path / "history.db") as other:
                other.execute("CREATE TRIGGER full BEFORE UPDATE ON space BEGIN SELECT raise(ABORT, 'no room'); END")
            with pytest.raises(HistoryUnavailable, match="no room"):
                await history.check()
            assert history.failures == 1

    asyncio.run(scenario())
    assert "the history cannot be read or written: no room" in caplog.text
