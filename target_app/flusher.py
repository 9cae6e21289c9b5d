"""Writes waiting messages once per connection and iteration of the event loop.

A publication is only appended to outboxes. So with direct writes, ten publications of one iteration are one write to
each member. With ASGI, a write that need not wait needs no task.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import cached_property
from typing import Protocol

from target_app.outbox import Outgoing

SLICE = 1000
"""Maximum number of connections to write to in one iteration, which takes about ten milliseconds."""

ROUND_MESSAGES = 16
ROUND_BYTES = 16_384
"""Messages and bytes after which publishers yield to the writing. Much less than an outbox holds."""

logger = logging.getLogger("target_app")


class Joined:
    """Joins batches into bytes. Connections with the same backlog share the joined bytes."""

    def __init__(self) -> None:
        self._batch: list[Outgoing] = []
        self._bytes = b""

    def of(self, batch: list[Outgoing]) -> bytes:
        if len(batch) == 1:
            return batch[0].frame
        if batch != self._batch:  # compares messages by identity: each exists once
            self._batch, self._bytes = batch, b"".join([message.frame for message in batch])
        return self._bytes


class Batch:
    """Messages that a channel published in one iteration, joined once for all members that get all of them."""

    def __init__(self, messages: list[Outgoing]) -> None:
        self.messages = messages

    @cached_property
    def frames(self) -> bytes:
        return b"".join([message.frame for message in self.messages])

    def since(self, seen: int) -> Batch:
        """Return the remaining messages for a member that already has the first `seen` ones."""
        return Batch(self.messages[seen:])


class Flushed(Protocol):
    """The writer of a connection. `flush` must neither wait nor raise an exception because of the peer."""

    is_marked: bool

    def flush(self, joined: Joined) -> None: ...

    def fail(self) -> None: ...


class Settled(Protocol):
    """A channel with publications in this iteration."""

    def settle(self) -> None: ...


class Flusher:
    """The connections with waiting messages, and the callback that writes them."""

    def __init__(self) -> None:
        self._unsettled: list[Settled] = []
        self._marked: list[Flushed] = []
        self._round: deque[Flushed] = deque()
        self._is_scheduled = False
        self._messages = 0
        self._bytes = 0
        self._calm = asyncio.Event()
        self._calm.set()

    def mark(self, writer: Flushed) -> None:
        """Register a writer with data to write, once until it has been flushed (`is_marked`)."""
        writer.is_marked = True
        self._marked.append(writer)
        self._schedule()

    def settle_later(self, channel: Settled) -> None:
        """Register a channel to hand out its publications at the end of the iteration, once per iteration."""
        self._unsettled.append(channel)
        self._schedule()

    def _schedule(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def note_publication(self, message: Outgoing) -> None:
        """Count the bytes published between two rounds of writing."""
        self._messages += 1
        self._bytes += message.cost_bytes
        if self._messages >= ROUND_MESSAGES or self._bytes >= ROUND_BYTES:
            self._calm.clear()

    async def calm(self) -> None:
        """Yield to pending writes, if needed. Otherwise a fast sender would overflow the outboxes of others."""
        await self._calm.wait()

    def _flush(self) -> None:
        """Write to the next slice of connections. Those marked meanwhile belong to the next round."""
        unsettled, self._unsettled = self._unsettled, []
        for channel in unsettled:
            channel.settle()
        if not self._round:
            self._round.extend(self._marked)
            self._marked.clear()
            self._messages = self._bytes = 0
            self._calm.set()
        joined = Joined()
        for _ in range(min(SLICE, len(self._round))):
            writer = self._round.popleft()
            writer.is_marked = False
            try:
                writer.flush(joined)
            except Exception:
                logger.exception("fault in a writer")
                writer.fail()
        self._is_scheduled = False
        if self._round or self._marked:
            self._schedule()
