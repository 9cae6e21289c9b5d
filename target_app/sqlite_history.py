"""The history in SQLite: one file, one thread, and one writer that stores all waiting entries in one transaction.

Several processes of one host may share the file. In WAL mode, committed entries survive the death of the process
(kill -9). With `synchronous` FULL they also survive that of the machine, for one fsync per transaction.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
import sqlite3
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from target_app import sqlite_inboxes, sqlite_space
from target_app.history import Body, Entry, HistoryUnavailable, Inboxes, InboxFull, Stored

MOST_AT_ONCE = 500
"""Entries in one transaction: about 5 ms, so that reads in between do not wait long."""

MOST_BYTES = 1 << 30
"""Default size limit of the history: enough for a thousand rooms full of short messages."""

BUSY_TIMEOUT = 5.0
"""Seconds to wait for the transaction of another process."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS store (epoch TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS entries (
    channel TEXT NOT NULL, seq INTEGER NOT NULL, at REAL NOT NULL, kind TEXT NOT NULL,
    sender TEXT NOT NULL, client_id TEXT, body TEXT NOT NULL,
    PRIMARY KEY (channel, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS by_client_id ON entries (channel, sender, client_id) WHERE client_id IS NOT NULL;
"""
SELECT = "SELECT seq, at, kind, sender, client_id, body FROM entries WHERE channel = ?"
NEWEST = "SELECT coalesce(max(seq), (SELECT floor FROM space)) FROM entries WHERE channel = ?"
"""The next number of an empty channel is above all deleted ones, so that no number is used twice."""

TRIM = f"DELETE FROM entries WHERE channel = ? AND seq <= ({NEWEST}) - ? AND {sqlite_inboxes.IS_READ}"
SAME = "SELECT seq, at FROM entries WHERE channel = ? AND sender = ? AND client_id = ?"

logger = logging.getLogger("target_app")

Result = TypeVar("Result")
Row = tuple[int, float, str, str, str | None, str]


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """An entry that is to be stored, and the future of its receipt."""

    channel: str
    kind: str
    sender: str
    client_id: str | None
    body: str
    inboxes: Inboxes | None
    receipt: asyncio.Future[Stored]


class SqliteHistory:
    """A HistoryStore. `keep`: maximum number of entries per channel. `most_bytes`: maximum size of all of them.

    Without a `path`, the file is in a temporary folder, which is deleted when the store stops. After a kill -9 it
    remains, and the log has its path.
    """

    def __init__(self, path: Path | None, keep: int, synchronous: str = "NORMAL", most_bytes: int = MOST_BYTES) -> None:
        self._path = path
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._keep = keep
        self._synchronous = synchronous
        self._most_bytes = most_bytes
        self.failures = 0
        self._epoch = ""
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    @property
    def epoch(self) -> str:
        return self._epoch

    async def start(self) -> None:
        """Open the file, or create it. Raises HistoryUnavailable if that is not possible."""
        self._thread = ThreadPoolExecutor(1, "history")
        try:
            await self._in_thread(self._open)
        except HistoryUnavailable:
            self._thread.shutdown()
            raise

    async def stop(self) -> None:
        """Store the waiting entries, and close the file."""
        if self._writer is not None:
            await asyncio.wait({self._writer})
        await self._in_thread(self._close)
        self._thread.shutdown()

    async def check(self) -> None:
        await self._in_thread(lambda: sqlite_space.write_probe(self._database))

    async def append(
        self, channel: str, kind: str, sender: str, client_id: str | None, body: Body, inboxes: Inboxes | None = None
    ) -> Stored:
        receipt: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        self._waiting.append(_Waiting(channel, kind, sender, client_id, text, inboxes, receipt))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write(), name="history writer")
        return await receipt

    async def acknowledge(self, reader: str, channel: str, seq: int) -> None:
        await self._in_thread(lambda: sqlite_inboxes.acknowledge(self._database, reader, channel, seq))

    async def unread(self, reader: str, channel: str) -> list[Entry]:
        return await self._in_thread(lambda: self._entries(sqlite_inboxes.UNREAD, reader, channel))

    async def since(self, channel: str, seq: int, limit: int) -> list[Entry]:
        rows = f"{SELECT} AND seq > ? ORDER BY seq LIMIT ?"
        return await self._in_thread(lambda: self._entries(rows, channel, seq, limit))

    async def latest(self, channel: str, limit: int) -> list[Entry]:
        rows = f"{SELECT} ORDER BY seq DESC LIMIT ?"
        return (await self._in_thread(lambda: self._entries(rows, channel, limit)))[::-1]

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as failed:
            self.failures += 1
            logger.error("the history cannot be read or written: %s", failed)
            raise HistoryUnavailable(f"the history in {self._path or 'a temporary file'}: {failed}") from failed

    async def _write(self) -> None:
        """Write one transaction after the other. Entries for the next one accumulate meanwhile."""
        while self._waiting:
            batch = self._waiting[:MOST_AT_ONCE]
            del self._waiting[:MOST_AT_ONCE]
            try:
                stored = await self._in_thread(lambda batch=batch: self._store(batch))  # type: ignore[misc]
            except HistoryUnavailable as failed:
                for entry in batch:
                    if not entry.receipt.done():
                        entry.receipt.set_exception(failed)
                continue
            for entry, receipt in zip(batch, stored, strict=True):
                if entry.receipt.done():  # the caller has been cancelled
                    continue
                if isinstance(receipt, InboxFull):
                    entry.receipt.set_exception(receipt)
                else:
                    entry.receipt.set_result(receipt)

    # The methods below run in the database thread.

    def _open(self) -> None:
        self._database = sqlite3.connect(self._path or self._temporary(), timeout=BUSY_TIMEOUT, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute(f"PRAGMA synchronous = {self._synchronous}")
        self._database.executescript(f"BEGIN IMMEDIATE; {SCHEMA} {sqlite_inboxes.SCHEMA} {sqlite_space.SCHEMA} COMMIT;")
        new_epoch = secrets.token_hex(8)
        self._database.execute("INSERT INTO store SELECT ? WHERE NOT EXISTS (SELECT 1 FROM store)", (new_epoch,))
        self._epoch = self._database.execute("SELECT epoch FROM store").fetchone()[0]

    def _temporary(self) -> Path:
        self._folder = tempfile.TemporaryDirectory(prefix="target_app-")
        path = Path(self._folder.name) / "history.db"
        logger.info("history path=%s until=stop", path)
        return path

    def _close(self) -> None:
        self._database.close()
        if self._folder is not None:
            self._folder.cleanup()

    def _store(self, batch: list[_Waiting]) -> list[Stored | InboxFull]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            stored = [self._insert(entry) for entry in batch]
            for channel in {entry.channel for entry in batch}:
                self._database.execute(TRIM, (channel, channel, self._keep))
            sqlite_space.make_room(self._database, self._most_bytes)
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        return stored

    def _insert(self, new: _Waiting) -> Stored | InboxFull:
        if new.client_id is not None:
            same = self._database.execute(SAME, (new.channel, new.sender, new.client_id)).fetchone()
            if same is not None:
                return Stored(same[0], self._epoch, same[1], duplicate=True)
        if new.inboxes is not None and not sqlite_inboxes.have_room(
            self._database, new.channel, new.sender, new.inboxes
        ):
            return InboxFull()
        at = time.time()
        seq = self._database.execute(NEWEST, (new.channel,)).fetchone()[0] + 1
        row = (new.channel, seq, at, new.kind, new.sender, new.client_id, new.body)
        self._database.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", row)
        if new.inboxes is not None:
            sqlite_inboxes.put(self._database, new.channel, seq, new.inboxes)
        return Stored(seq, self._epoch, at)

    def _entries(self, query: str, *values: str | int) -> list[Entry]:
        rows: list[Row] = self._database.execute(query, values).fetchall()
        return [Entry(*row[:-1], body=json.loads(row[-1])) for row in rows]
