"""Messages between the workers of one application.

Every worker that listens to a topic receives its messages, also the sender, and all in the same order. Messages are not
stored. A worker that is cut off misses them, and learns so when it is connected again. Messages that must not be missed
go through the timeline (`timeline.py`), which reads missed entries from the history.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

OnMessage = Callable[[str], None]
"""Receives the payload of a message. Must not block. Gets only messages from after the subscription."""

OnConnection = Callable[[bool], None]
"""Receives False when the other workers are out of reach, and True when they are back. Messages in between are lost."""

BEAT = "beat"
"""The topic of the heartbeats that each worker sends. The payload is the name of the worker."""

LEASE = 10
"""Duration of a claim in whole seconds. The owner renews it in time."""

logger = logging.getLogger("target_app")


class Backplane(Protocol):
    """The connection of one worker to all workers. `worker` is its name. `alone`: there are no other workers."""

    worker: str
    alone: bool
    faults: int
    """Number of unexpected exceptions in handlers or in the backplane. Each is logged, and the backplane continues."""

    @property
    def connected(self) -> bool: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def publish(self, topic: str, payload: str) -> None:
        """Send to all workers. Never fails: without a connection, the listeners of this worker still get it at once."""
        ...

    def subscribe(self, topic: str, on_message: OnMessage) -> Callable[[], None]:
        """Listen to a topic. Returns a function that ends the subscription."""
        ...

    def watch(self, on_connection: OnConnection) -> None:
        """Call this when the other workers are lost, and when they are back."""
        ...

    async def claim(self, things: Sequence[str]) -> dict[str, str]:
        """Claim each thing for this worker for LEASE seconds, unless another worker has claimed it.

        Returns the owner of each thing. Returns nothing while the other workers are out of reach.
        """
        ...

    async def release(self, things: Sequence[str]) -> None:
        """Give up the claims of this worker on these things."""
        ...


class Listeners:
    """The listeners of this worker by topic. All backplanes share this part."""

    def __init__(self) -> None:
        self.worker = secrets.token_hex(4)
        self.faults = 0
        self._listeners: dict[str, dict[OnMessage, None]] = {}
        self._watchers: list[OnConnection] = []

    def subscribe(self, topic: str, on_message: OnMessage) -> Callable[[], None]:
        self._listeners.setdefault(topic, {})[on_message] = None

        def end() -> None:
            listening = self._listeners.get(topic, {})
            listening.pop(on_message, None)
            if not listening:
                self._listeners.pop(topic, None)

        return end

    def watch(self, on_connection: OnConnection) -> None:
        self._watchers.append(on_connection)

    def _report(self, connected: bool) -> None:
        for on_connection in self._watchers:
            on_connection(connected)

    def _deliver(self, topic: str, payload: str) -> None:
        """Call the listeners of this worker. An exception in one of them does not affect the others."""
        for on_message in list(self._listeners.get(topic, ())):
            try:
                on_message(payload)
            except Exception:
                self.faults += 1
                logger.exception("fault topic=%s", topic)


class LocalBackplane(Listeners):
    """The backplane of a worker that is alone: nothing leaves the process."""

    alone = True
    connected = True

    async def start(self) -> None:
        """Nothing to do."""

    async def stop(self) -> None:
        """Nothing to do."""

    async def publish(self, topic: str, payload: str) -> None:
        self._deliver(topic, payload)

    async def claim(self, things: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(things, self.worker)

    async def release(self, things: Sequence[str]) -> None:
        """Do nothing: no other worker can claim them."""
