"""`/dashboard-feed`: the same reading of this server for all viewers, once per period.

A new viewer gets the latest reading at once. One producer serves all viewers, and none runs without viewers. A reading
is useful only until the next one, so a slow viewer skips readings (latest wins) and delays nobody. Messages of viewers
are read and ignored.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from fastapi import APIRouter, WebSocket

from target_app.clock import ticks
from target_app.connection import Connection, serve
from target_app.outbox import Overflow
from target_app.services import Services

FEED = "dashboard"

router = APIRouter()
logger = logging.getLogger("target_app")


class Feed:
    """Produces readings while there are viewers."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._viewers = 0
        self._producer: asyncio.Task[None] | None = None
        self._latest: str | None = None

    @contextmanager
    def viewing(self, viewer: Connection) -> Iterator[None]:
        """Add a viewer for the duration of the `with` block. It gets the latest reading at once."""
        self._viewers += 1
        if self._producer is None:
            self._latest = self._read()
            self._producer = asyncio.create_task(self._produce(), name="dashboard producer")
        if self._latest is not None:
            viewer.send(self._latest)
        try:
            with self._services.hub.subscription(FEED, viewer):
                yield
        finally:
            self._viewers -= 1
            if self._viewers == 0:
                self._producer.cancel()
                self._producer = None

    async def _produce(self) -> None:
        async for _ in ticks(self._services.settings.dashboard_period):
            reading = self._read()
            if reading is not None:
                self._latest = reading
                self._services.hub.publish(FEED, reading)

    def _read(self) -> str | None:
        """Read the state of the server. Returns None if the system gave no figures this time."""
        services = self._services
        try:
            reading = {
                "cpu_usage": round(services.machine.cpu_percent(), 1),
                "memory_usage": round(services.machine.memory_percent(), 1),
                "active_users": len(services.roster),
                "response_time": round(services.handling_times.mean_ms(), 3),
            }
        except (psutil.Error, OSError):
            logger.exception("fault channel=%s", FEED)
            return None
        services.counts["dashboard.readings"] += 1
        return json.dumps(reading)


@router.websocket("/dashboard-feed")
async def dashboard(websocket: WebSocket) -> None:
    async with serve(websocket, FEED, Overflow.LATEST_WINS) as connection:
        with connection.services.shared(Feed).viewing(connection):
            async for _ignored in connection:
                pass
