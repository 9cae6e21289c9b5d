"""What the channels share, made once for each application."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from fastapi.requests import HTTPConnection

from target_app.history import HistoryStore
from target_app.hub import Hub
from target_app.metrics import HandlingTimes
from target_app.roster import Roster
from target_app.settings import Settings
from target_app.sqlite_history import SqliteHistory

Shared = TypeVar("Shared")


@dataclass(frozen=True, slots=True)
class Services:
    """The pieces of one running application; kept in `app.state.services`."""

    settings: Settings
    hub: Hub
    roster: Roster
    handling_times: HandlingTimes
    history: HistoryStore
    counts: Counter[str] = field(default_factory=Counter)
    """Whatever a channel wants to count, shown by `/stats`."""
    _shared: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def build(cls, settings: Settings) -> Services:
        path = str(settings.history_path or ":memory:")
        history = SqliteHistory(path, settings.history_keep, settings.history_synchronous)
        return cls(settings, Hub(), Roster(settings.write_timeout), HandlingTimes(), history)

    @classmethod
    def of(cls, connection: HTTPConnection) -> Services:
        """The services of the application that a request or WebSocket belongs to."""
        return cast("Services", connection.app.state.services)

    def shared(self, make: Callable[[Services], Shared]) -> Shared:
        """Something of which all connections of a channel need the same one: made when it is first asked for."""
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast("Shared", self._shared[make])
