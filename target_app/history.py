"""The history of a channel in one agreed order: its values, the interface of a store, and how a client catches up.

An entry gets its number, `seq`, when it is stored: 1, 2, 3, … for each channel, without gaps. A client that remembers
its last `seq` can request the later entries. The `epoch` identifies the store. If the store is replaced or emptied, the
numbers start again under another epoch, and older cursors are invalid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

Body = dict[str, Any]

ROOM = "room:"
"""Prefix of the channels of rooms. If space is short, a store may delete their entries, oldest first. It keeps alerts
and logouts."""


class HistoryUnavailable(Exception):
    """Raised if the entry could not be stored (disk full, database gone). It must not be announced."""


class InboxFull(Exception):
    """Raised if too many entries wait for a reader, or too many of this sender. The entry was not stored."""


@dataclass(frozen=True, slots=True)
class Inboxes:
    """Readers for whom an entry waits until each of them has acknowledged it."""

    readers: tuple[str, ...]
    most: int
    """Maximum number of entries of the channel that wait for one reader."""
    most_of_sender: int
    """The same limit for entries of one sender."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The receipt for one entry. `at`: Unix time in seconds. `duplicate`: it was already stored under this `seq`."""

    seq: int
    epoch: str
    at: float
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored entry. `client_id` is the id that its sender gave it, if any."""

    seq: int
    at: float
    kind: str
    sender: str
    client_id: str | None
    body: Body


@dataclass(frozen=True, slots=True)
class Recovery:
    """The entries for a returning client. `recovered` is False if it missed too many, or some that are deleted."""

    recovered: bool
    entries: list[Entry] = field(default_factory=list)


class HistoryStore(Protocol):
    """A store of entries. All methods but `epoch` need a running event loop and a store that was started."""

    failures: int
    """Number of failed requests to the store since the start. Each is logged."""

    @property
    def epoch(self) -> str: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def check(self) -> None:
        """Write a test value. Raises HistoryUnavailable if that is not possible now."""
        ...

    async def append(
        self, channel: str, kind: str, sender: str, client_id: str | None, body: Body, inboxes: Inboxes | None = None
    ) -> Stored:
        """Store an entry, and return when it is durable. Raises HistoryUnavailable if it could not be stored.

        An entry with the sender and the client id of a kept one is not stored again. Then the receipt is that of the
        first one, with `duplicate` set. With `inboxes`, the entry is kept until all readers have acknowledged it.
        Raises InboxFull if there is no room for it in an inbox.
        """
        ...

    async def acknowledge(self, reader: str, channel: str, seq: int) -> None:
        """Note that the reader has seen the entry. Durable when it returns. Raises HistoryUnavailable."""
        ...

    async def unread(self, reader: str, channel: str) -> list[Entry]:
        """Return the entries of a channel that wait for this reader, in order."""
        ...

    async def since(self, channel: str, seq: int, limit: int) -> list[Entry]:
        """Return the oldest entries with a higher number, in order, `limit` at most."""
        ...

    async def latest(self, channel: str, limit: int) -> list[Entry]:
        """Return the newest entries, oldest first."""
        ...


async def recover(history: HistoryStore, channel: str, epoch: str, seq: int, limit: int) -> Recovery:
    """Return the entries after `seq` of `epoch`; `recovered` only if these are all that the client missed.

    Otherwise the entries are the latest ones, to start anew from.
    """
    if epoch == history.epoch:
        newest = await history.latest(channel, 1)  # read first: entries stored in between are in `missed`
        missed = await history.since(channel, seq, limit + 1)
        if missed:
            complete = missed[0].seq == seq + 1 and len(missed) <= limit
        else:
            complete = (newest[0].seq if newest else 0) == seq  # this server never assigned a higher number
        if complete:
            return Recovery(True, missed)
    return Recovery(False, await history.latest(channel, limit))
