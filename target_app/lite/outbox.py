"""What waits to be written to one peer. Putting never waits, so that no peer can hold up another [5, C4, D5]."""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Goodbye:
    """How a connection ends: the close code and reason that the peer is told, and that the log shows."""

    code: int
    reason: str


class Outbox:
    """A queue that knows its size in bytes of memory: a count of messages would bound nothing."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._waiting: deque[str | bytes | Goodbye] = deque()
        self._bytes = 0
        self._filled = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    @property
    def is_over_limit(self) -> bool:
        # One message always fits, however long it is: the limit is about falling behind.
        return self._bytes > self._limit_bytes and len(self._waiting) > 1

    def put(self, item: str | bytes | Goodbye) -> None:
        self._waiting.append(item)
        self._bytes += sys.getsizeof(item)
        self._filled.set()
        if self._bytes > self._limit_bytes / 2:
            self._has_room.clear()

    def clear(self) -> None:
        self._waiting.clear()
        self._bytes = 0
        self._filled.clear()
        self._has_room.set()

    async def take(self) -> str | bytes | Goodbye:
        """The oldest item, as soon as there is one. Only the writer task calls this."""
        await self._filled.wait()
        item = self._waiting.popleft()
        self._bytes -= sys.getsizeof(item)
        if not self._waiting:
            self._filled.clear()
        if self._bytes <= self._limit_bytes / 2:
            self._has_room.set()
        return item

    async def wait_room(self) -> None:
        await self._has_room.wait()
