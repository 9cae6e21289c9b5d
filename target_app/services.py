"""Services that the channels share, created once per application."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from fastapi.requests import HTTPConnection

from target_app.backplane import Backplane, LocalBackplane
from target_app.drain import Drain
from target_app.history import HistoryStore
from target_app.hub import Hub
from target_app.limits import TokenBucket, pace_of
from target_app.metrics import HandlingTimes, MachineLoad
from target_app.presence import Presence
from target_app.roster import Roster
from target_app.settings import Settings
from target_app.sqlite_history import SqliteHistory
from target_app.timeline import Timeline
from target_app.traffic import Traffic
from target_app.worker_query import WorkerQuery

Shared = TypeVar("Shared")


@dataclass(frozen=True, slots=True)
class Services:
    """The services of one application, stored in `app.state.services`."""

    settings: Settings
    hub: Hub
    roster: Roster
    handling_times: HandlingTimes
    machine: MachineLoad
    history: HistoryStore
    backplane: Backplane
    presence: Presence
    timeline: Timeline
    """The history and the backplane together, in one order."""
    worker_query: WorkerQuery
    traffic: Traffic
    drain: Drain
    counts: Counter[str] = field(default_factory=Counter)
    """Counters of the channels, shown by `/stats`."""
    _shared: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def build(cls, settings: Settings) -> Services:
        history, backplane = _history(settings), _backplane(settings)
        roster = Roster(settings.write_timeout, settings.ping_timeout)
        return cls(
            settings,
            Hub(),
            roster,
            HandlingTimes(),
            MachineLoad(),
            history,
            backplane,
            Presence(backplane),
            Timeline(history, backplane),
            WorkerQuery(backplane),
            Traffic(backplane.worker),
            Drain(settings, roster),
        )

    @classmethod
    def of(cls, connection: HTTPConnection) -> Services:
        """Return the services of the application of a request or WebSocket."""
        return cast("Services", connection.app.state.services)

    def pace_of(self, connection: HTTPConnection, now: float) -> TokenBucket | None:
        """Return the rate limit of this connection to a channel without a login; None if only reading limits it."""
        return pace_of(connection, self.settings, now)

    def shared(self, make: Callable[[Services], Shared]) -> Shared:
        """Return an object that all connections share. It is created on first use."""
        if make not in self._shared:
            self._shared[make] = make(self)
        return cast("Shared", self._shared[make])


def _history(settings: Settings) -> HistoryStore:
    """Return the store: in the configured file, else in the backplane's server, else in a temporary file."""
    if settings.history_path is None and settings.backplane_url is not None:
        from target_app.cluster.redis_history import RedisHistory  # as in main.py

        return RedisHistory(settings.backplane_url.get_secret_value(), settings.backplane_name, settings.history_keep)
    return SqliteHistory(
        settings.history_path, settings.history_keep, settings.history_synchronous, settings.history_bytes
    )


def _backplane(settings: Settings) -> Backplane:
    if settings.backplane_url is None:
        return LocalBackplane()
    from target_app.cluster.redis_backplane import RedisBackplane  # as in main.py

    return RedisBackplane(settings.backplane_url.get_secret_value(), settings.backplane_name)
