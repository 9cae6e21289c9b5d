"""State that the connections of one worker share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from wsproof.load.worker.connection import Connection
from wsproof.load.worker.conversation_timers import ConversationTimers
from wsproof.load.worker.handshake_cache import HandshakeCache
from wsproof.load.worker.pacer import NEVER, Pacer
from wsproof.load.worker.recorder import WorkerRecorder
from wsproof.net.kernel_clock import KernelClock


class WorkerState:
    """The worker's connections by member, its recorder, and the time at which the next publication is due."""

    def __init__(
        self,
        recorder: WorkerRecorder,
        all_in: Callable[[], None] = lambda: None,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._all_in = all_in
        self.recorder = recorder
        self.timers = ConversationTimers(loop)
        self.clock = KernelClock()
        self.members: dict[int, Connection] = {}
        self.handshakes = HandshakeCache()
        self.pacer: Pacer | None = None
        self.due_ns = NEVER
        self.members_in = 0
        """Number of members that have had their first receipt and are still connected."""
        self.members_open = 0
        """Number of connected members."""
        self._empty = asyncio.Event()
        self._ended_early: set[int] = set()

    def enter(self, connection: Connection) -> None:
        """Add a connection that has been accepted.

        It may have ended already: some servers accept a connection and close it at once.
        """
        self.members[connection.member] = connection
        if connection.member in self._ended_early:
            self.members_in -= connection.is_in
        else:
            self.members_open += 1

    def fire(self) -> None:
        if self.pacer is not None:
            self.pacer.fire()

    def set_due(self, due_ns: int) -> None:
        """Set the time at which the pacer's next publication is due."""
        self.due_ns = due_ns

    def check_clock(self) -> None:
        """Record it if the wall clock was set."""
        self.clock.check()
        for step in self.clock.steps:
            self.recorder.clock_step(step)
        self.clock.steps.clear()

    def heard(self, connection: Connection) -> None:
        self.members_in += 1
        if self.members_in == self.members_open:
            self._all_in()

    def ended(self, connection: Connection) -> None:
        """Count the connection as ended, but keep it in `members`.

        A later publication on it is then recorded as failed, and not forgotten.
        """
        if connection.member in self.members:
            self.members_open -= 1
            self.members_in -= connection.is_in
            if not self.members_open:
                self._empty.set()
        else:
            self._ended_early.add(connection.member)

    async def wait_empty(self, deadline_s: float) -> None:
        """Wait until the last connection has ended, or until the deadline."""
        if self.members_open:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), deadline_s)
