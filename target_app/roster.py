"""All open connections, and the task that cuts off peers that do not read."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Protocol

from target_app.close_reasons import SLOW_CONSUMER, ConnectionEnd
from target_app.eviction import Addresses, cut, limit_unacknowledged

SWEEP_INTERVAL = 0.5
"""Seconds between two checks of the connections. A check takes less than a microsecond for each."""

STOPPING_WRITE_TIMEOUT = 1.0
"""Seconds that one write may wait for its peer while the server is stopping."""

logger = logging.getLogger("target_app")


class Watched(Protocol):
    """A connection as the roster sees it."""

    @property
    def addresses(self) -> Addresses | None: ...

    def stuck_since(self) -> float | None: ...

    def beat(self, now: float) -> None: ...

    def drop(self, ending: ConnectionEnd) -> None: ...

    def announce_stop(self, reconnect_after_ms: int) -> None: ...


class Roster:
    """The open connections.

    `write_timeout`: seconds that one write may wait for its peer. `acknowledge_timeout`: seconds for which the peer's
    system may leave bytes unacknowledged.
    """

    def __init__(self, write_timeout: float, acknowledge_timeout: float) -> None:
        self._write_timeout = write_timeout
        self._acknowledge_timeout = acknowledge_timeout
        self._empty = asyncio.Event()
        self._has_limited = False
        self._open: dict[Watched, None] = {}
        self._closing: dict[Addresses, float] = {}
        self._sweeper: asyncio.Task[None] | None = None
        self.ended: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def open(self) -> Iterator[Watched]:
        """The open connections, oldest first."""
        return iter(self._open)

    def add(self, connection: Watched) -> None:
        if not self._has_limited:  # not at application start: uvicorn begins to listen after that
            limit_unacknowledged(self._acknowledge_timeout)
            self._has_limited = True
        self._empty.clear()
        self._open[connection] = None
        self._keep_sweeping()

    def remove(self, connection: Watched, ending: ConnectionEnd) -> None:
        del self._open[connection]
        self.ended[ending.why] += 1
        if not self._open:
            self._empty.set()

    @staticmethod
    def addresses_of(scope: Any) -> Addresses | None:
        """Return the addresses that identify the connection's socket; None if the server does not report them."""
        return Addresses.of_scope(scope)

    def cut_after(self, addresses: Addresses, seconds: float) -> None:
        """Cut a socket that does not close by itself within this many seconds."""
        self._closing[addresses] = asyncio.get_running_loop().time() + seconds
        self._keep_sweeping()

    def shorten_write_timeout(self) -> None:
        """Shorten the write timeout, since the server is stopping."""
        self._write_timeout = min(self._write_timeout, STOPPING_WRITE_TIMEOUT)

    async def wait_empty(self, timeout: float) -> None:
        """Wait until all connections have closed, for this many seconds at most."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._open:
                    await self._empty.wait()

    async def stop(self) -> None:
        """Cut the remaining sockets and end the sweeping, at the end of the application."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait({self._sweeper})
        self._cut_overdue(math.inf)

    def _keep_sweeping(self) -> None:
        if self._sweeper is None or self._sweeper.done():
            self._sweeper = asyncio.create_task(self._sweep(), name="roster")

    async def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        while self._open or self._closing:
            await asyncio.sleep(SWEEP_INTERVAL)
            self._drop_stuck(loop.time())
            for connection in self._open:
                connection.beat(time.monotonic())
            self._cut_overdue(loop.time())

    def _drop_stuck(self, now: float) -> None:
        for connection in self._open:
            since = connection.stuck_since()
            if since is not None and now - since > self._write_timeout:
                connection.drop(SLOW_CONSUMER)

    def _cut_overdue(self, now: float) -> None:
        overdue = {addresses for addresses, deadline in self._closing.items() if deadline <= now}
        for addresses in overdue:
            del self._closing[addresses]
        # An open connection with the same addresses is a new one on a reused port.
        count = cut(overdue - {connection.addresses for connection in self._open if connection.addresses})
        if count:
            logger.warning("cut sockets=%d: their peers did not read", count)
