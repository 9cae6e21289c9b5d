"""Messages that wait to be written to one peer. Putting never waits, so no peer delays another [5, C4, D5]."""

from __future__ import annotations

import asyncio
import sys
from collections import deque


class Goodbye(Exception):
    """The end of a connection: the close code and reason for the peer and the log.

    A channel raises it to end the connection.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(code, reason)
        self.code, self.reason = code, reason


class Outbox:
    """A queue that knows its size in bytes of memory: a count of messages would bound nothing."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._waiting: deque[str | bytes | Goodbye] = deque()
        self._bytes = 0
        self._filled, self._has_room = asyncio.Event(), asyncio.Event()
        self._has_room.set()

    @property
    def is_over_limit(self) -> bool:
        # One message always fits, whatever its length: the limit is for peers that fall behind.
        return self._bytes > self._limit_bytes and len(self._waiting) > 1

    def put(self, item: str | bytes | Goodbye) -> None:
        self._waiting.append(item)
        self._count(sys.getsizeof(item))

    def clear(self) -> None:
        self._waiting.clear()
        self._count(-self._bytes)

    async def take(self) -> str | bytes | Goodbye:
        """The oldest item, as soon as there is one. Only the writer task calls this."""
        await self._filled.wait()
        item = self._waiting.popleft()
        self._count(-sys.getsizeof(item))
        return item

    async def wait_room(self) -> None:
        await self._has_room.wait()

    def _count(self, more_bytes: int) -> None:
        self._bytes += more_bytes
        for event, holds in ((self._filled, self._waiting), (self._has_room, self._bytes <= self._limit_bytes / 2)):
            event.set() if holds else event.clear()
