"""Wakes the conversations of a worker's members: for a heartbeat, or at the end of a wait.

A worker holds thousands of members, so they share one heap and one timer of the event loop.
"""

from __future__ import annotations

import asyncio
from heapq import heappop, heappush
from time import monotonic_ns
from typing import Protocol

from wsproof.model.nanoseconds import NS


class Sleeper(Protocol):
    """The owner of a timer: a connection."""

    def wake(self, now_ns: int) -> None:
        """Send what is due, and call `ConversationTimers.set` for the next time."""


class ConversationTimers:
    """Times, in ns, at which connections want to be woken."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        self._loop = loop
        self._heap: list[tuple[int, int, Sleeper]] = []
        self._count = 0
        """Entries so far. It orders entries of the same time, since connections have no order."""
        self._handle: asyncio.TimerHandle | None = None

    def set(self, at_ns: int, sleeper: Sleeper) -> None:
        """Wake `sleeper` at this time."""
        self._count += 1
        heappush(self._heap, (at_ns, self._count, sleeper))
        if self._heap[0][2] is sleeper:
            self._arm()

    def close(self) -> None:
        """Cancel all wake-ups."""
        self._heap.clear()
        if self._handle is not None:
            self._handle.cancel()

    def wake_due(self, now_ns: int) -> None:
        """Wake all sleepers whose time has come."""
        while self._heap and self._heap[0][0] <= now_ns:
            heappop(self._heap)[2].wake(now_ns)

    def _ring(self) -> None:
        self.wake_due(monotonic_ns())
        self._arm()

    def _arm(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        if self._heap and self._loop is not None:
            self._handle = self._loop.call_later(max(0, self._heap[0][0] - monotonic_ns()) / NS, self._ring)
