"""Messages between the workers of one application.

A message goes to every worker that listens to its topic, the sender's own included, and arrives there in the order that
all workers agree on. It is remembered nowhere: while a worker is cut off, it misses what the others say, and is told so
when it is back. What must not be missed goes through the timeline (`timeline.py`), which catches up from the history.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Sequence
from typing import Protocol

Heard = Callable[[str], None]
"""Receives the payload of a message. Must not block. Gets only messages from after the subscription."""

Told = Callable[[bool], None]
"""Receives False when the other workers are out of reach, and True when they are back. Messages in between are lost."""

BEAT = "beat"
"""The topic on which each worker says every few seconds that it lives; the payload is its name."""

LEASE = 10
"""Duration of a claim in whole seconds. The owner renews it in time."""

logger = logging.getLogger("target_app")


class Backplane(Protocol):
    """The connection of one worker to all workers. `worker` is its own name; `alone`: there are no others."""

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

    def subscribe(self, topic: str, heard: Heard) -> Callable[[], None]:
        """Listen to a topic. Returns a function that ends the subscription."""
        ...

    def watch(self, told: Told) -> None:
        """Be told of the loss and the return of the other workers."""
        ...

    async def claim(self, things: Sequence[str]) -> dict[str, str]:
        """Each thing becomes this worker's, for LEASE seconds from now on, unless it is another one's; thing -> worker.
        Empty while the other workers are out of reach."""
        ...

    async def release(self, things: Sequence[str]) -> None:
        """Give up the claims of this worker on these."""
        ...


class Listeners:
    """The listeners of this worker by topic: the part that all backplanes share."""

    def __init__(self) -> None:
        self.worker = secrets.token_hex(4)
        self.faults = 0
        self._heard: dict[str, dict[Heard, None]] = {}
        self._told: list[Told] = []

    def subscribe(self, topic: str, heard: Heard) -> Callable[[], None]:
        self._heard.setdefault(topic, {})[heard] = None

        def end() -> None:
            listening = self._heard.get(topic, {})
            listening.pop(heard, None)
            if not listening:
                self._heard.pop(topic, None)

        return end

    def watch(self, told: Told) -> None:
        self._told.append(told)

    def _tell(self, connected: bool) -> None:
        for told in self._told:
            told(connected)

    def _hear(self, topic: str, payload: str) -> None:
        """Call the listeners of this worker. An exception in one of them does not affect the others."""
        for heard in list(self._heard.get(topic, ())):
            try:
                heard(payload)
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
        self._hear(topic, payload)

    async def claim(self, things: Sequence[str]) -> dict[str, str]:
        return dict.fromkeys(things, self.worker)

    async def release(self, things: Sequence[str]) -> None:
        """Do nothing: no other worker can claim them."""
