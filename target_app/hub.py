"""Channels and who listens to them. Everything here is synchronous: nobody can wait, so nobody can be waited for."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Protocol

from target_app.flusher import Flusher
from target_app.outbox import Outgoing


class Subscriber(Protocol):
    """Whoever can be handed a message without waiting."""

    def deliver(self, message: Outgoing) -> None: ...


class Hub:
    """channel -> subscribers.

    `publish` appends to every subscriber's outbox in one go, without an await in between. Two publications can
    therefore not overtake each other: all subscribers of a channel see them in the same order.
    """

    def __init__(self) -> None:
        self._channels: dict[str, dict[Subscriber, None]] = {}
        self.flusher = Flusher()

    def subscribers(self, channel: str) -> int:
        """How many listen to this channel now."""
        return len(self._channels.get(channel, ()))

    def publish(self, channel: str, data: str | bytes, *, key: Hashable = None) -> None:
        """Hand `data` to everybody who listens to this channel now.

        With a `key`, such as the owner of a cursor, it replaces what still waits somewhere with the same key.
        """
        members = self._channels.get(channel)
        if not members:
            return
        message = Outgoing.of(data, key)
        self.flusher.note_publication(message)
        for subscriber in members:
            subscriber.deliver(message)

    @contextmanager
    def subscription(self, channel: str, subscriber: Subscriber) -> Iterator[None]:
        """Listen to a channel for as long as the `with` block lasts, however it ends."""
        members = self._channels.setdefault(channel, {})
        members[subscriber] = None
        try:
            yield
        finally:
            del members[subscriber]
            if not members:
                del self._channels[channel]
