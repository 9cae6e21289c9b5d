"""The connections of each user: for the limits per user, and to close them when the user logs out."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from target_app.backplane import BEAT
from target_app.close_reasons import POLICY_VIOLATION, CloseCause, ConnectionEnd
from target_app.history import Entry, HistoryUnavailable
from target_app.limits import TokenBucket
from target_app.services import Services
from target_app.timeline import RETRY_DELAY
from target_app.tokens import Tokens

LOGGED_OUT = ConnectionEnd(CloseCause.CLOSED, POLICY_VIOLATION, "logged_out")
LOGOUTS = "logouts"
"""The history channel of logouts."""

SIGNED_IN = "signed in"
"""The presence channel of all signed-in connections, so that all workers count together."""

SPENT = "spent"
"""The topic on which workers report, with every beat, the messages of users who are on other workers, too."""

logger = logging.getLogger("target_app")


class Droppable(Protocol):
    """A connection that can be ended from outside."""

    def drop(self, ending: ConnectionEnd) -> None: ...


@dataclass(slots=True)
class Session:
    """One user's connections on this worker."""

    messages: TokenBucket
    connections: dict[Droppable, float] = field(default_factory=dict)
    """Connections, with the time at which their token was issued (Unix, in seconds)."""
    spent: int = 0
    """Number of messages since the last report to the other workers."""

    def take(self, now: float) -> bool:
        """Take a token for one more message, if there is one."""
        taken = self.messages.take(now)
        self.spent += taken
        return taken

    def take_spent(self) -> int:
        spent, self.spent = self.spent, 0
        return spent


class TooManyConnections(Exception):
    """Raised if the user has the maximum number of connections."""


class Sessions:
    """The connections of each user. One for each application: `services.shared(Sessions)`."""

    def __init__(self, services: Services) -> None:
        self._settings = services.settings
        self._backplane = services.backplane
        self._presence = services.presence
        self._numbers = itertools.count()
        self._users: dict[str, Session] = {}
        self._idle: dict[str, Session] = {}
        """Sessions of users without a connection, in the order in which they left."""
        self._telling: asyncio.Task[None] | None = None
        if not services.backplane.alone:
            services.backplane.subscribe(BEAT, self._beat)
            services.backplane.subscribe(SPENT, self._heard)

    @contextmanager
    def entered(self, user: str, connection: Droppable, issued_at: float) -> Iterator[Session]:
        """Count a connection as the user's for the duration of the block. Its token was issued at `issued_at`.

        Raises TooManyConnections.
        """
        settings, now = self._settings, asyncio.get_running_loop().time()
        if self._presence.count(SIGNED_IN, user) >= settings.max_connections_per_user:
            raise TooManyConnections
        self._forget_idle(now)
        session = self._users.get(user) or self._idle.pop(user, None)
        if session is None:
            session = Session(TokenBucket(settings.user_message_rate, settings.user_message_burst, now))
        self._users[user] = session
        name = f"{next(self._numbers)}"
        session.connections[connection] = issued_at
        self._presence.join(SIGNED_IN, user, name)
        try:
            yield session
        finally:
            self._presence.leave(SIGNED_IN, name)
            del session.connections[connection]
            if not session.connections:
                del self._users[user]
                self._idle[user] = session

    def _forget_idle(self, now: float) -> None:
        """Forget users without connections once their buckets are full: reconnecting must not refill a bucket."""
        while self._idle and self._idle[user := next(iter(self._idle))].messages.is_full(now):
            del self._idle[user]

    def owners(self) -> dict[Any, str]:
        """Return the user of each signed-in connection."""
        return {connection: user for user, session in self._users.items() for connection in session.connections}

    def close(self, user: str, ending: ConnectionEnd, *, until: float = math.inf) -> None:
        """End all connections of `user` on this worker whose tokens were issued up to a time (Unix, in seconds)."""
        session = self._users.get(user)
        for connection, issued_at in list(session.connections.items()) if session else ():
            if issued_at <= until:
                connection.drop(ending)

    # Message limits: each worker has a bucket for the user, and tells the others how many messages it took from it.

    def _beat(self, worker: str) -> None:
        if worker != self._backplane.worker:
            return
        spent = {user: session.take_spent() for user, session in self._users.items() if session.spent}
        shared = {user: n for user, n in spent.items() if self._presence.count(SIGNED_IN, user) > self._own(user)}
        if shared:
            self._telling = asyncio.create_task(self._backplane.publish(SPENT, json.dumps([worker, shared])))

    def _own(self, user: str) -> int:
        return len(self._users[user].connections)

    def _heard(self, payload: str) -> None:
        worker, spent = json.loads(payload)
        for user, count in spent.items() if worker != self._backplane.worker else ():
            if session := self._users.get(user):
                session.messages.spend(count)


class Logouts:
    """Logouts on all workers, also those that start later or are cut off now: they go through the history.
    One for each application: `services.shared(Logouts)`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._tried = asyncio.Event()
        self._following: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Load the logouts that still matter. If the history is out of reach, retry until it answers."""
        self._tried = asyncio.Event()  # the event belongs to this loop; an application may be started more than once
        self._following = asyncio.create_task(self._follow(), name="logouts")
        await self._tried.wait()

    async def stop(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})

    async def log_out(self, user: str) -> None:
        """Invalidate the user's tokens, and close all connections that were made with them. Raises HistoryUnavailable
        if that holds on this worker only."""
        at = time.time()
        try:
            await self._services.timeline.post(LOGOUTS, "logout", user, None, {"at": at})
        finally:
            self._apply(user, at)

    async def _follow(self) -> None:
        timeline, history, most = self._services.timeline, self._services.history, self._services.settings.history_keep
        while True:
            try:
                async with timeline.following(LOGOUTS, self._heard):
                    for entry in await history.latest(LOGOUTS, most):
                        self._heard(entry)
                    self._tried.set()
                    await asyncio.Event().wait()
            except HistoryUnavailable as failed:
                logger.warning("logouts are not known yet: %s", failed)
                self._tried.set()
                await asyncio.sleep(RETRY_DELAY)

    def _heard(self, entry: Entry) -> None:
        self._apply(entry.sender, entry.body["at"])

    def _apply(self, user: str, at: float) -> None:
        self._services.shared(Tokens).log_out(user, at)
        self._services.shared(Sessions).close(user, LOGGED_OUT, until=at)
