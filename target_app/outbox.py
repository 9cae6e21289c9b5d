"""Messages that wait to be written to one peer. Putting never waits, so no peer delays another."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from enum import Enum

from target_app.frames import frame_of

ENTRY_OVERHEAD_BYTES = 64
"""Bytes added for each waiting message, since empty messages need memory, too."""


@dataclass(slots=True, eq=False)
class Outgoing:
    """One outgoing message, created once for all its recipients."""

    data: str | bytes
    cost_bytes: int
    key: Hashable = None
    """A newer message with the same key replaces this one while it waits. None: no message replaces it."""
    made_at: float = field(default_factory=time.monotonic)
    _frame: bytes | None = field(default=None, repr=False)

    @classmethod
    def of(cls, data: str | bytes, key: Hashable = None) -> Outgoing:
        size = len(data) if isinstance(data, bytes) or data.isascii() else len(data.encode())
        return cls(data, size + ENTRY_OVERHEAD_BYTES, key)

    @property
    def frame(self) -> bytes:
        """The message as one WebSocket frame. It is encoded on first use, and shared by all recipients."""
        if self._frame is None:
            self._frame = frame_of(self.data)
        return self._frame


class Overflow(Enum):
    """The policy for a peer that falls behind. A keyed message always replaces an older one of its key."""

    DROP_PEER = "drop the peer"
    """Drop a peer that cannot keep up, since every message counts."""

    LATEST_WINS = "latest wins"
    """Replace a waiting message (of the same key) by a newer one, since only the newest counts."""

    DROP_OLDEST = "drop oldest"
    """Discard the oldest messages, since the newest count most."""


class Outbox:
    """A queue bounded in bytes. One writer takes from it, in the order in which messages were queued."""

    __slots__ = ("_half_bytes", "_has_room", "_limit_bytes", "_overflow", "_waiting", "skipped", "waiting_bytes")

    def __init__(self, limit_bytes: int, overflow: Overflow) -> None:
        self._limit_bytes = limit_bytes
        self._half_bytes = limit_bytes // 2
        self._overflow = overflow
        self._waiting: deque[Outgoing] = deque()
        self._has_room = asyncio.Event()
        self._has_room.set()
        self.waiting_bytes = 0
        self.skipped = 0
        """Number of messages that were replaced or discarded."""

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, message: Outgoing) -> bool:
        """Queue a message. Returns False if it did not fit, and was not queued.

        One message always fits into an empty outbox, however long it is: the limit is about falling behind.
        """
        if self._waiting:
            if message.key is not None or self._overflow is Overflow.LATEST_WINS:
                self._forget(message.key)
            if self.waiting_bytes + message.cost_bytes > self._limit_bytes and not self._make_room(message.cost_bytes):
                return False
        self._waiting.append(message)
        self.waiting_bytes += message.cost_bytes
        if self.waiting_bytes > self._half_bytes:
            self._has_room.clear()
        return True

    def put_all(self, batch: list[Outgoing]) -> None:
        """Queue messages that are about to be taken again, without checking the limit."""
        self._waiting.extend(batch)
        self.waiting_bytes += sum([message.cost_bytes for message in batch])

    def _forget(self, key: Hashable) -> None:
        before = len(self._waiting)
        self._waiting = deque(message for message in self._waiting if message.key != key)
        if len(self._waiting) != before:
            self.skipped += before - len(self._waiting)
            self.waiting_bytes = sum(message.cost_bytes for message in self._waiting)

    def _make_room(self, cost_bytes: int) -> bool:
        if self._overflow is Overflow.DROP_PEER:
            return not self._waiting
        while self._waiting and self.waiting_bytes + cost_bytes > self._limit_bytes:
            self.waiting_bytes -= self._waiting.popleft().cost_bytes
            self.skipped += 1
        return True

    def take(self) -> Outgoing | None:
        """Return the oldest waiting message; None if there is none."""
        if not self._waiting:
            return None
        message = self._waiting.popleft()
        self.waiting_bytes -= message.cost_bytes
        self._note_room()
        return message

    def take_batch(self, limit_bytes: int) -> list[Outgoing]:
        """Return the oldest waiting messages, up to about this many bytes, but at least one if any waits."""
        if self.waiting_bytes <= limit_bytes:
            batch = list(self._waiting)
            self._waiting.clear()
            self.waiting_bytes = 0
        else:
            batch = []
            taken = 0
            while self._waiting and taken < limit_bytes:
                batch.append(self._waiting.popleft())
                taken += batch[-1].cost_bytes
            self.waiting_bytes -= taken
        self._note_room()
        return batch

    def discard(self) -> None:
        """Discard the waiting messages, since the peer has gone."""
        self._waiting.clear()
        self.waiting_bytes = 0
        self._has_room.set()

    def _note_room(self) -> None:
        if self.waiting_bytes <= self._half_bytes:
            self._has_room.set()

    async def wait_room(self) -> None:
        """Wait until at most half of the outbox is taken."""
        await self._has_room.wait()
