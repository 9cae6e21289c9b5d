"""A writer from an outbox directly to the transport, bypassing ASGI (`direct.py`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from target_app.flusher import Batch, Flusher, Joined
from target_app.outbox import Outbox
from target_app.traffic import Lag
from target_app.writers import Wire

BATCH_BYTES = 65_536
"""Approximate maximum of bytes per write: as many as the transport takes before it is full."""


class DirectWriter:
    """Writes the outbox in one write per flush. Waits while the transport is full."""

    __slots__ = ("_emptied", "_flusher", "_outbox", "_wire", "fail", "is_marked", "lag", "sent")

    is_prompt = True

    def __init__(self, wire: Wire, outbox: Outbox, flusher: Flusher, failed: Callable[[], None]) -> None:
        self._wire = wire
        self._outbox = outbox
        self._flusher = flusher
        self._emptied = asyncio.Event()
        self.fail = failed
        self.is_marked = False
        self.sent = 0
        self.lag = Lag()
        wire.on_writable = self._mark

    def _mark(self) -> None:
        if self._outbox and not self.is_marked:
            self._flusher.mark(self)

    def write_now(self, batch: Batch) -> bool:
        wire = self._wire
        # Messages in the outbox wait for their flush or for the transport, so checking these two is enough.
        if self.is_marked or wire.congested_since is not None or not wire.write(batch.frames):
            return False
        self.sent += len(batch.messages)
        self.lag.note(batch.messages[0].made_at)
        return True

    def flush(self, joined: Joined) -> None:
        wire, outbox = self._wire, self._outbox
        if outbox and wire.congested_since is None:
            batch = outbox.take_batch(BATCH_BYTES)
            if not wire.write(joined.of(batch)):
                self.fail()
                return
            self.sent += len(batch)
            self.lag.note(batch[0].made_at)
            if outbox and wire.congested_since is None:
                self._flusher.mark(self)
        if not outbox:
            self._emptied.set()

    def stuck_since(self) -> float | None:
        return self._wire.congested_since

    async def finish(self, timeout: float) -> None:
        self._emptied.clear()
        self.flush(Joined())
        try:
            async with asyncio.timeout(timeout):
                while self._outbox:
                    self._emptied.clear()
                    await self._emptied.wait()
        except TimeoutError:
            pass  # the timeout for the peer is over

    async def stop(self) -> None:
        self._outbox.discard()
