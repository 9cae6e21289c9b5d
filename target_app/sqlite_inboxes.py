"""Inboxes in SQLite: the entries that wait for each reader. All functions run in the thread of the store."""

from __future__ import annotations

import sqlite3

from target_app.history import Inboxes

SCHEMA = """
CREATE TABLE IF NOT EXISTS unread (
    reader TEXT NOT NULL, channel TEXT NOT NULL, seq INTEGER NOT NULL, PRIMARY KEY (reader, channel, seq)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS unread_entries ON unread (channel, seq);
"""
IS_READ = "NOT EXISTS (SELECT 1 FROM unread WHERE unread.channel = entries.channel AND unread.seq = entries.seq)"
"""Condition for entries that no reader waits for, so that they may be deleted."""

WAITING = (
    "SELECT count(*), coalesce(sum(sender = ?), 0) FROM unread JOIN entries USING (channel, seq)"
    " WHERE reader = ? AND channel = ?"
)
UNREAD = (
    "SELECT seq, at, kind, sender, client_id, body FROM unread JOIN entries USING (channel, seq)"
    " WHERE reader = ? AND channel = ? ORDER BY seq"
)


def have_room(database: sqlite3.Connection, channel: str, sender: str, inboxes: Inboxes) -> bool:
    """Return whether one more entry of this sender may wait for each of the readers."""
    for reader in inboxes.readers:
        waiting, of_sender = database.execute(WAITING, (sender, reader, channel)).fetchone()
        if waiting >= inboxes.most or of_sender >= inboxes.most_of_sender:
            return False
    return True


def put(database: sqlite3.Connection, channel: str, seq: int, inboxes: Inboxes) -> None:
    rows = [(reader, channel, seq) for reader in inboxes.readers]
    database.executemany("INSERT OR IGNORE INTO unread VALUES (?, ?, ?)", rows)


def acknowledge(database: sqlite3.Connection, reader: str, channel: str, seq: int) -> None:
    database.execute("DELETE FROM unread WHERE reader = ? AND channel = ? AND seq = ?", (reader, channel, seq))
