"""Which connections belong to which user: for the limits per user, and to close them when the user logs out."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from target_app.endings import POLICY_VIOLATION, Ending, Why
from target_app.limits import TokenBucket
from target_app.services import Services
from target_app.tokens import Tokens

LOGGED_OUT = Ending(Why.CLOSED, POLICY_VIOLATION, "logged_out")
LOGOUTS = "logouts"


class Droppable(Protocol):
    """What can be ended from outside."""

    def drop(self, ending: Ending) -> None: ...


@dataclass(slots=True)
class Session:
    """One user's connections on this worker."""

    messages: TokenBucket
    connections: dict[Droppable, None] = field(default_factory=dict)


class TooManyConnections(Exception):
    """The user has as many connections as one may have."""


class Sessions:
    """user -> connections. One for each application: `services.shared(Sessions)`."""

    def __init__(self, services: Services) -> None:
        self._settings = services.settings
        self._users: dict[str, Session] = {}

    @contextmanager
    def entered(self, user: str, connection: Droppable) -> Iterator[Session]:
        """Count this connection as the user's while the `with` block lasts. Raises TooManyConnections."""
        session = self._users.get(user)
        if session is None:
            settings, now = self._settings, asyncio.get_running_loop().time()
            session = Session(TokenBucket(settings.user_message_rate, settings.user_message_burst, now))
            self._users[user] = session
        if len(session.connections) >= self._settings.max_connections_per_user:
            raise TooManyConnections
        session.connections[connection] = None
        try:
            yield session
        finally:
            del session.connections[connection]
            if not session.connections:
                del self._users[user]

    def owners(self) -> dict[Any, str]:
        """connection -> user, of all who are signed in."""
        return {connection: user for user, session in self._users.items() for connection in session.connections}

    def close(self, user: str, ending: Ending = LOGGED_OUT) -> int:
        """End all connections of `user`; how many they were."""
        session = self._users.get(user)
        connections = list(session.connections) if session else []
        for connection in connections:
            connection.drop(ending)
        return len(connections)


class Logouts:
    """Logging out on all workers. One for each application: `services.shared(Logouts)`, made at its start."""

    def __init__(self, services: Services) -> None:
        self._services = services
        services.backplane.subscribe(LOGOUTS, self._heard)

    async def log_out(self, user: str) -> None:
        """The user's tokens are worth nothing any more, and all the user's connections are closed."""
        await self._services.backplane.publish(LOGOUTS, json.dumps({"user": user, "at": time.time()}))

    def _heard(self, payload: str) -> None:
        said = json.loads(payload)
        self._services.shared(Tokens).log_out(said["user"], said["at"])
        self._services.shared(Sessions).close(said["user"])
