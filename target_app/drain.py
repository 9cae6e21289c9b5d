"""A planned stop: no new connections, an announcement where supported, and closes in batches.

If a thousand clients get 1012 at the same moment, they also reconnect at the same moment, before the server is back.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random

from target_app.close_reasons import DRAINED
from target_app.roster import Roster
from target_app.settings import Settings

BATCH_AT_LEAST = 100
"""Minimum number of connections that are closed together. Fewer need not be spread."""

STEPS = 20
"""Number of batches in which many connections are closed."""

CLOSE_FRAMES_TIMEOUT = 2.5
"""Seconds for the close frames of the last batch. Peers that do not read are cut off before."""

logger = logging.getLogger("target_app")


class Drain:
    """The drain of this worker, and its state."""

    def __init__(self, settings: Settings, roster: Roster) -> None:
        self._seconds = settings.drain_seconds
        self._spread_ms = round(settings.reconnect_spread * 1000)
        self._roster = roster
        self.has_begun = False

    async def run(self) -> None:
        """Close all connections. Returns when they have closed, or their time is over. Later calls return at once."""
        if self.has_begun:
            return
        self.has_begun = True
        self._roster.shorten_write_timeout()
        connections = list(self._roster.open())
        logger.info("draining connections=%d seconds=%g", len(connections), self._seconds)
        random.shuffle(connections)
        for connection in connections:
            connection.announce_stop(random.randint(0, self._spread_ms))
        size = max(BATCH_AT_LEAST, math.ceil(len(connections) / STEPS))
        batches = [connections[start : start + size] for start in range(0, len(connections), size)]
        now = asyncio.get_running_loop().time
        began = now()
        for number, batch in enumerate(batches):
            due = began + self._seconds * number / max(1, len(batches) - 1)
            # Each departure may be announced to all remaining members. If that takes longer, send the rest together.
            if (early := due - now()) > 0:
                await asyncio.sleep(early)
            for connection in batch:
                connection.drop(DRAINED)
        await self._roster.wait_empty(CLOSE_FRAMES_TIMEOUT)
