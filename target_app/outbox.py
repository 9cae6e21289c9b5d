"""What waits to be written to one peer. Putting never waits, so that no peer can hold up another."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from enum import Enum

ENTRY_OVERHEAD_BYTES = 64
"""Counted for every waiting message beside its text: a flood of empty messages costs memory too."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way out, made once however many get it."""

    data: str | bytes
    cost_bytes: int

    @classmethod
    def of(cls, data: str | bytes) -> Outgoing:
        size = len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode())
        return cls(data, size + ENTRY_OVERHEAD_BYTES)


class Overflow(Enum):
    """What happens when a peer falls behind."""

    DROP_PEER = "drop the peer"
    """Every message counts, so whoever cannot follow has to go."""

    LATEST_WINS = "latest wins"
    """Only the newest message is worth anything: it replaces one that still waits."""


class Outbox:
    """A bounded queue with one reader, the connection's writer task."""

    def __init__(self, limit_bytes: int, overflow: Overflow) -> None:
        self._limit_bytes = limit_bytes
        self._overflow = overflow
        self._waiting: deque[Outgoing] = deque()
        self._bytes = 0
        self._closed = False
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    def put_nowait(self, message: Outgoing) -> bool:
        """Queue a message. False: it did not fit, and was not queued.

        One message always fits into an empty outbox, however long it is: the limit is about falling behind.
        """
        if self._overflow is Overflow.LATEST_WINS:
            self._waiting.clear()
            self._bytes = 0
        elif self._waiting and self._bytes + message.cost_bytes > self._limit_bytes:
            return False
        self._waiting.append(message)
        self._bytes += message.cost_bytes
        self._changed.set()
        if self._bytes > self._limit_bytes // 2:
            self._has_room.clear()
        return True

    async def wait_room(self) -> None:
        """Wait until at most half of the outbox is taken."""
        await self._has_room.wait()

    def discard(self) -> None:
        """Forget what waits: there is nobody left to write it to."""
        self._waiting.clear()
        self._bytes = 0
        self._has_room.set()

    def close(self) -> None:
        """Nothing more will be put in: `get` returns None once the rest is out."""
        self._closed = True
        self._changed.set()

    async def get(self) -> Outgoing | None:
        """The oldest waiting message; waits for one. None: closed and empty."""
        while not self._waiting:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        message = self._waiting.popleft()
        self._bytes -= message.cost_bytes
        if self._bytes <= self._limit_bytes // 2:
            self._has_room.set()
        return message
