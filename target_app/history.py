"""The history of a channel in one agreed order: its values, the interface of a store, and how a client catches up.

An entry gets its number, `seq`, when it is stored: 1, 2, 3, … for each channel, without holes. A client that remembers
the last `seq` it saw can ask for the rest. The `epoch` names the store itself: when that was replaced or emptied,
numbers begin again under another epoch, and a cursor from before means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

Body = dict[str, Any]

ROOM = "room:"
"""With this the names of the rooms' channels begin: theirs are the entries that a store may give up for lack of space,
oldest first. Alerts and logouts are kept."""


class HistoryUnavailable(Exception):
    """Raised if the entry could not be stored (disk full, database gone). It must not be announced."""


class InboxFull(Exception):
    """Too many entries wait for a reader already, or too many of this sender; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Inboxes:
    """Readers for whom an entry waits until each of them has acknowledged it."""

    readers: tuple[str, ...]
    most: int
    """Entries of the channel that wait for one reader; when there are so many, one more is refused."""
    most_of_sender: int
    """The same for those of its sender."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The receipt for one entry. `at`: seconds since 1970. `duplicate`: it had been stored before, under this `seq`."""

    seq: int
    epoch: str
    at: float
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """One stored thing. `client_id` is the name that its sender gave it, if any."""

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
    """Requests that the store could not do since it was started; each is in the log."""

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
        """Store an entry; returns only when it is durable, and raises HistoryUnavailable when it is not.

        The same sender and client id in the same channel again: nothing is stored, and the first receipt comes back
        with `duplicate` set, for as long as the first one is kept. With `inboxes`, the entry is kept until all readers
        have acknowledged it, and raises InboxFull.
        """
        ...

    async def acknowledge(self, reader: str, channel: str, seq: int) -> None:
        """The entry waits for this reader no longer. Durable when it returns; raises HistoryUnavailable."""
        ...

    async def unread(self, reader: str, channel: str) -> list[Entry]:
        """The entries of a channel that wait for this reader, in order."""
        ...

    async def since(self, channel: str, seq: int, limit: int) -> list[Entry]:
        """The oldest entries with a higher number, in order, `limit` of them at most."""
        ...

    async def latest(self, channel: str, limit: int) -> list[Entry]:
        """The newest entries, oldest first."""
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
