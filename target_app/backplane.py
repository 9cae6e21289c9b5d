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
"""Gets the payload of a message. Must not block, and is told only what came after it had subscribed."""

Told = Callable[[bool], None]
"""Gets False when the other workers are out of reach, and True when they are back: what they said meanwhile is lost."""

BEAT = "beat"
"""The topic on which each worker says every few seconds that it lives; the payload is its name."""

LEASE = 10
"""Whole seconds for which a claim is good. Who goes on claims again in time."""

logger = logging.getLogger("target_app")


class Backplane(Protocol):
    """The connection of one worker to all of them. `worker` is its own name; `alone`: there can be no others."""

    worker: str
    alone: bool
    faults: int
    """Exceptions that nobody expected, in hearing or in the backplane itself; each is in the log, and it goes on."""

    @property
    def connected(self) -> bool: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def publish(self, topic: str, payload: str) -> None:
        """Tell all workers. Never fails: when they are out of reach, those who listen in this one are told at once."""
        ...

    def subscribe(self, topic: str, heard: Heard) -> Callable[[], None]:
        """Listen to a topic, until what is returned is called."""
        ...

    def watch(self, told: Told) -> None:
        """Be told of the loss and the return of the other workers."""
        ...

    async def claim(self, things: Sequence[str]) -> dict[str, str]:
        """Each thing becomes this worker's, for LEASE seconds from now on, unless it is another one's; thing -> worker.
        Empty while the other workers are out of reach."""
        ...

    async def release(self, things: Sequence[str]) -> None:
        """Give up what of this is ours."""
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
        """Tell those who listen here. What one of them gets wrong does not keep the others from hearing."""
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
        """There is nobody to take it."""
