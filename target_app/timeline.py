"""The live history: every worker gets each entry of a channel once, in the order of `seq`.

An entry is stored first, and then announced over the backplane. Announcements may be lost, repeated or reordered. The
numbers have no gaps, so a worker notices, and reads the missing entries from the history.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict

from target_app.backplane import Backplane
from target_app.history import Body, Entry, HistoryStore, HistoryUnavailable, Inboxes, Stored

READ_AT_ONCE = 200
RETRY_DELAY = 0.5
"""Seconds between two attempts to read the history."""

Handle = Callable[[Entry], None]

logger = logging.getLogger("target_app")


class Timeline:
    """The timeline of the rooms: posts of this worker and of the others."""

    def __init__(self, history: HistoryStore, backplane: Backplane) -> None:
        self._history = history
        self._backplane = backplane
        self._followed: dict[str, Followed] = {}
        self._unannounced: set[str] = set()
        self._posting: set[asyncio.Task[Stored]] = set()
        self._announcing: asyncio.Task[None] | None = None
        backplane.watch(self._on_connection)

    async def post(
        self, channel: str, kind: str, sender: str, client_id: str | None, body: Body, inboxes: Inboxes | None = None
    ) -> Stored:
        """Store an entry and announce it. Raises HistoryUnavailable or InboxFull; then it is not announced.

        A duplicate is announced again, because its first worker may have died before the announcement. A post that has
        begun is finished even if the caller is cancelled, because every stored entry has to be announced.
        """
        posting = asyncio.create_task(self._post(channel, kind, sender, client_id, body, inboxes), name="post")
        self._posting.add(posting)
        posting.add_done_callback(self._posted)
        return await asyncio.shield(posting)

    def _posted(self, posting: asyncio.Task[Stored]) -> None:
        self._posting.discard(posting)
        if not posting.cancelled():
            posting.exception()  # mark the exception as retrieved, even if no caller waits for it

    async def _post(
        self, channel: str, kind: str, sender: str, client_id: str | None, body: Body, inboxes: Inboxes | None
    ) -> Stored:
        stored = await self._history.append(channel, kind, sender, client_id, body, inboxes)
        entry = Entry(stored.seq, stored.at, kind, sender, client_id, body)
        announcement = {"epoch": stored.epoch, "entry": None if stored.duplicate else asdict(entry), "seq": stored.seq}
        await self._backplane.publish(_topic(channel), json.dumps(announcement))
        if self._is_cut_off():
            self._unannounced.add(channel)
        return stored

    @asynccontextmanager
    async def following(self, channel: str, handle: Handle) -> AsyncIterator[int]:
        """Receive every entry after the yielded `seq`, each once and in order, for the duration of the block.

        `handle` must not block. Several may follow the same channel, and share the work. Raises HistoryUnavailable.
        """
        followed = self._followed.get(channel)
        if followed is None:
            followed = self._followed[channel] = Followed(channel, self._history, self._backplane)
        followed.users += 1
        try:
            await followed.ready()
            followed.handles[handle] = None
            yield followed.head
        finally:
            followed.handles.pop(handle, None)
            followed.users -= 1
            if followed.users == 0:
                del self._followed[channel]
                followed.stop()

    def look(self, channel: str) -> None:
        """Look for entries in the history that were not announced, after a client has read one.

        The worker that stored them may have died, and no other would announce them.
        """
        if followed := self._followed.get(channel):
            followed.catch_up()

    def _on_connection(self, connected: bool) -> None:
        if connected:
            for followed in self._followed.values():
                followed.catch_up()
            self._announcing = asyncio.create_task(self._announce_late(), name="late announcements")

    async def _announce_late(self) -> None:
        """Let the others read the channels with entries that could not be announced."""
        while self._unannounced and not self._is_cut_off():
            channel = self._unannounced.pop()
            announcement = {"epoch": "", "entry": None, "seq": 0}
            await self._backplane.publish(_topic(channel), json.dumps(announcement))
            if self._is_cut_off():
                self._unannounced.add(channel)

    def _is_cut_off(self) -> bool:
        return not self._backplane.connected


class Followed:
    """One channel with followers in this worker. `head`: the number of the latest handled entry."""

    def __init__(self, channel: str, history: HistoryStore, backplane: Backplane) -> None:
        self.head = 0
        self.users = 0
        self.handles: dict[Handle, None] = {}
        self._channel = channel
        self._history = history
        self._epoch = ""
        self._stale = False
        self._reader: asyncio.Task[None] | None = None
        self._starting: asyncio.Task[None] = asyncio.create_task(self._start(), name=f"head of {channel}")
        self._unsubscribe = backplane.subscribe(_topic(channel), self._on_announcement)

    async def ready(self) -> None:
        """Wait until `head` is known. Raises HistoryUnavailable."""
        await asyncio.shield(self._starting)

    def stop(self) -> None:
        self._unsubscribe()
        self._starting.cancel()
        if self._reader is not None:
            self._reader.cancel()

    async def _start(self) -> None:
        newest = await self._history.latest(self._channel, 1)
        self._epoch = self._history.epoch
        self.head = newest[0].seq if newest else 0
        if self._stale:
            self.catch_up()

    def _on_announcement(self, payload: str) -> None:
        announcement = json.loads(payload)
        if not self._starting.done():
            self._stale = True  # the entry may or may not be included in `head`
        elif announcement["epoch"] == self._epoch and announcement["seq"] <= self.head:
            pass
        elif announcement["epoch"] == self._epoch and announcement["seq"] == self.head + 1 and announcement["entry"]:
            self._handle(Entry(**announcement["entry"]))
        else:
            self.catch_up()

    def catch_up(self) -> None:
        """Read the entries after `head` from the history, now or after the current read."""
        self._stale = True
        if self._starting.done() and (self._reader is None or self._reader.done()):
            self._reader = asyncio.create_task(self._read(), name=f"catching up in {self._channel}")

    async def _read(self) -> None:
        while self._stale:
            self._stale = False
            try:
                entries = await self._history.since(self._channel, self.head, READ_AT_ONCE)
            except HistoryUnavailable as failed:
                logger.warning("cannot catch up channel=%s: %s", self._channel, failed)
                self._stale = True
                await asyncio.sleep(RETRY_DELAY)
                continue
            if self._history.epoch != self._epoch:  # another store: its numbers start again
                self._epoch, self.head, self._stale = self._history.epoch, 0, True
                continue
            for entry in entries:
                if entry.seq > self.head:  # not announced during the read
                    self._handle(entry)
            self._stale = self._stale or len(entries) == READ_AT_ONCE

    def _handle(self, entry: Entry) -> None:
        if entry.seq != self.head + 1:
            logger.warning(
                "gap channel=%s after=%d next=%d: the entries in between are deleted",
                self._channel,
                self.head,
                entry.seq,
            )
        self.head = entry.seq
        for handle in list(self.handles):
            try:
                handle(entry)
            except Exception:  # the other followers still get the entry
                logger.exception("fault channel=%s seq=%d", self._channel, entry.seq)


def _topic(channel: str) -> str:
    return f"timeline:{channel}"
