"""The users of each channel, over all workers.

Each worker keeps the whole table, and sends changes of its own part to the others. A worker that starts or reconnects
sends its whole part, and asks the others for theirs. The part of a silent worker is removed.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Callable, Iterable

from target_app.backplane import BEAT, Backplane

TOPIC = "presence"
LIFETIME = 5.0
"""Seconds without a heartbeat after which a worker counts as dead."""

Changed = Callable[[str, str, bool], None]
"""Gets the channel, the user, and whether the user is present: after the first connection joined or the last left."""

Here = dict[tuple[str, str], str]
"""(channel, connection id) -> user: the part of one worker."""

logger = logging.getLogger("target_app")


class Presence:
    """The table. Each worker reports changes of its own connections at once, and those of others a moment later."""

    def __init__(self, backplane: Backplane) -> None:
        self._backplane = backplane
        self._workers: dict[str, Here] = {backplane.worker: {}}
        self._heard_at: dict[str, float] = {}
        self._connections: dict[str, Counter[str]] = {}
        self._changed: list[Changed] = []
        self._gone: list[Callable[[str], None]] = []
        self._news: list[list[str]] = []
        self._telling: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        backplane.subscribe(TOPIC, self._heard)
        backplane.subscribe(BEAT, self._beat)
        backplane.watch(self._told)

    def watch(self, changed: Changed) -> None:
        """Call this when a user joins or leaves. `changed` must not block."""
        self._changed.append(changed)

    def watch_workers(self, gone: Callable[[str], None]) -> None:
        """Call this with the name of each worker that counts as dead."""
        self._gone.append(gone)

    def members(self, channel: str) -> list[str]:
        """Return the users in a channel by name. A user with several connections is listed once."""
        return sorted(self._connections.get(channel, ()))

    def count(self, channel: str, user: str | None = None) -> int:
        """Return the number of connections in a channel, of one user or in all."""
        here = self._connections.get(channel)
        if here is None:
            return 0
        return here.total() if user is None else here[user]

    def join(self, channel: str, user: str, connection_id: str) -> bool:
        """Add a connection of `user`. Returns True if it is the first one."""
        first = user not in self._connections.get(channel, ())
        self._put(self._backplane.worker, channel, connection_id, user)
        self._say_soon([channel, connection_id, user])
        return first

    def leave(self, channel: str, connection_id: str) -> None:
        """Remove a connection. Repeated calls do nothing."""
        self._take(self._backplane.worker, channel, connection_id)
        self._say_soon([channel, connection_id])

    # Messages from the other workers.

    async def _say(self, verb: str, rows: Iterable[list[str]]) -> None:
        if not self._backplane.alone:
            message = {"worker": self._backplane.worker, "verb": verb, "rows": list(rows)}
            await self._backplane.publish(TOPIC, json.dumps(message))

    def _say_soon(self, row: list[str]) -> None:
        """Send a change without waiting: a join or leave must not depend on whether the others can be reached."""
        if not self._backplane.alone:
            self._news.append(row)
            if self._telling is None or self._telling.done():
                self._telling = asyncio.create_task(self._say_news(), name="presence news")

    async def _say_news(self) -> None:
        while self._news:
            rows, self._news = self._news, []
            await self._say("news", rows)

    async def _introduce(self, *, ask: bool) -> None:
        if ask:
            await self._say("ask", [])
        # List the members only now, so that no later join or leave overtakes the list.
        ours = self._workers[self._backplane.worker]
        await self._say("all", [[channel, connection_id, user] for (channel, connection_id), user in ours.items()])

    def _introduce_soon(self, *, ask: bool) -> None:
        task = asyncio.create_task(self._introduce(ask=ask), name="presence")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _heard(self, payload: str) -> None:
        message = json.loads(payload)
        worker, verb, rows = message["worker"], message["verb"], message["rows"]
        if worker == self._backplane.worker:
            return
        self._note(worker)
        if verb == "all":
            self._replace(worker, {(channel, connection_id): user for channel, connection_id, user in rows})
        elif verb == "ask":
            self._introduce_soon(ask=False)
        else:
            for channel, connection_id, *user in rows:
                if user:
                    self._put(worker, channel, connection_id, user[0])
                else:
                    self._take(worker, channel, connection_id)

    def _beat(self, worker: str) -> None:
        """Handle a heartbeat. On its own one, the worker looks for others that are silent."""
        if worker != self._backplane.worker:
            if worker not in self._heard_at:
                self._introduce_soon(ask=True)  # it started before us, or we declared it dead too early
            self._note(worker)
        elif self._backplane.connected:  # a worker that is cut off cannot tell which others are alive
            now = asyncio.get_running_loop().time()
            for silent in [name for name, heard_at in self._heard_at.items() if now - heard_at > LIFETIME]:
                logger.warning("worker %s is silent: its connections count as gone", silent)
                self._replace(silent, {})
                del self._heard_at[silent]
                self._workers.pop(silent, None)  # absent if nobody was connected to that worker
                for gone in self._gone:
                    gone(silent)

    def _note(self, worker: str) -> None:
        self._heard_at[worker] = asyncio.get_running_loop().time()

    def _told(self, connected: bool) -> None:
        if connected:
            now = asyncio.get_running_loop().time()
            self._heard_at = dict.fromkeys(self._heard_at, now)  # they could not be heard: restart their timeouts
            self._introduce_soon(ask=True)

    # The table of users.

    def _replace(self, worker: str, now: Here) -> None:
        before = dict(self._workers.get(worker, {}))
        for (channel, connection_id), user in now.items():
            self._put(worker, channel, connection_id, user)
        for channel, connection_id in before.keys() - now.keys():
            self._take(worker, channel, connection_id)

    def _put(self, worker: str, channel: str, connection_id: str, user: str) -> None:
        part = self._workers.setdefault(worker, {})
        if (channel, connection_id) in part:
            return
        part[channel, connection_id] = user
        here = self._connections.setdefault(channel, Counter())
        here[user] += 1
        if here[user] == 1:
            self._tell(channel, user, True)

    def _take(self, worker: str, channel: str, connection_id: str) -> None:
        user = self._workers.get(worker, {}).pop((channel, connection_id), None)
        if user is None:
            return
        here = self._connections[channel]
        here[user] -= 1
        if here[user] == 0:
            del here[user]
            if not here:
                del self._connections[channel]
            self._tell(channel, user, False)

    def _tell(self, channel: str, user: str, here: bool) -> None:
        for changed in self._changed:
            changed(channel, user, here)
