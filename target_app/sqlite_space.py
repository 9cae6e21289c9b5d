"""The space of a history in SQLite: a limit in bytes, and a test whether it can be written.

Every user may open rooms, so a limit per room is not enough. If the whole history reaches its limit, the oldest entries
of all rooms are deleted.
"""

from __future__ import annotations

import sqlite3

from target_app.history import ROOM

SCHEMA = """
CREATE TABLE IF NOT EXISTS space (floor INTEGER NOT NULL, probe BLOB);
INSERT INTO space SELECT 0, NULL WHERE NOT EXISTS (SELECT 1 FROM space);
CREATE INDEX IF NOT EXISTS entries_by_age ON entries (at);
"""
AT_ONCE = 1_000
"""Number of entries that are deleted together."""

OLDEST = f"""
SELECT channel, seq FROM entries WHERE channel >= '{ROOM}' AND channel < '{ROOM[:-1]};' ORDER BY at LIMIT {AT_ONCE}
"""
"""Selects rooms by name. Their names begin with ROOM: `;` is the character after `:`."""

FULL = "database is full: the remaining entries of the history must be kept"


def used_bytes(database: sqlite3.Connection) -> int:
    """Return the number of used bytes in the file."""
    page_bytes, pages, free = (
        database.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
    )
    return int(page_bytes * (pages - free))


def make_room(database: sqlite3.Connection, most_bytes: int) -> None:
    """Delete the oldest entries of rooms until the limit is met. Raises OperationalError if none is left."""
    while used_bytes(database) > most_bytes:
        oldest = database.execute(OLDEST).fetchall()
        if not oldest:
            raise sqlite3.OperationalError(FULL)
        database.executemany("DELETE FROM entries WHERE channel = ? AND seq = ?", oldest)
        database.execute("UPDATE space SET floor = max(floor, ?)", (max(seq for _, seq in oldest),))


def write_probe(database: sqlite3.Connection) -> None:
    """Write data that needs new pages, so that a full disk is noticed."""
    database.execute("UPDATE space SET probe = randomblob(8192)")
