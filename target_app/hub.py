"""Channels and their subscribers. All functions are synchronous, so no subscriber waits for another."""

from __future__ import annotations

import logging
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Protocol, runtime_checkable

from target_app.flusher import SLICE, Batch, Flusher
from target_app.outbox import Outgoing

logger = logging.getLogger("target_app")


class Subscriber(Protocol):
    """A receiver of messages that never has to wait."""

    def deliver(self, message: Outgoing) -> None: ...


@runtime_checkable
class Batched(Subscriber, Protocol):
    """A subscriber that accepts the publications of one channel together, at the end of the iteration."""

    lane: Channel | None
    """The channel whose publications it gets as a batch: the first that it subscribed to."""

    seen: int
    """Number of the lane's pending messages that it already has, or must not get."""

    def deliver_batch(self, batch: Batch) -> None: ...


class Channel:
    """The subscribers of one channel, and the messages published in this iteration of the event loop.

    To iterate over a thousand connections costs more than to write to them, since none is in the CPU cache. So the
    channel collects the publications of an iteration, and hands them out together. Subscribers see no difference: a new
    subscriber gets no earlier publications (`seen`), and a connection that gets another message catches up first.
    """

    def __init__(self) -> None:
        self.pending: list[Outgoing] = []
        self._batched: dict[Batched, None] = {}
        self._others: dict[Subscriber, None] = {}

    def __len__(self) -> int:
        return len(self._batched) + len(self._others)

    def add(self, subscriber: Subscriber) -> None:
        if isinstance(subscriber, Batched) and subscriber.lane is None:
            subscriber.lane = self
            subscriber.seen = len(self.pending)
            self._batched[subscriber] = None
        else:
            self._others[subscriber] = None

    def remove(self, subscriber: Subscriber) -> None:
        if isinstance(subscriber, Batched) and subscriber in self._batched:
            self.catch_up(subscriber)
            subscriber.lane = None
            del self._batched[subscriber]
        else:
            del self._others[subscriber]

    def publish(self, message: Outgoing) -> bool:
        """Deliver to subscribers without batches at once. Returns True if the batch for the others has just begun."""
        for subscriber in self._others:
            subscriber.deliver(message)
        if not self._batched:
            return False
        self.pending.append(message)
        return len(self.pending) == 1

    def catch_up(self, subscriber: Batched) -> None:
        """Deliver the pending messages to a subscriber, so that the next message does not overtake them."""
        if subscriber.seen < len(self.pending):
            owed = self.pending[subscriber.seen :]
            subscriber.seen = len(self.pending)
            for message in owed:
                subscriber.deliver(message)

    def settle(self) -> None:
        """Hand out the publications. With many subscribers, write to the first ones here, to the rest in slices."""
        batch = Batch(self.pending)
        self.pending = []
        for subscriber in islice(self._batched, SLICE):
            try:
                subscriber.deliver_batch(batch)
            except Exception:  # an exception for one subscriber must not cost the others their messages
                logger.exception("fault in a delivery")
        for subscriber in islice(self._batched, SLICE, None):
            owed = batch.messages[subscriber.seen :]
            subscriber.seen = 0
            for message in owed:
                subscriber.deliver(message)


class Hub:
    """The channels with their subscribers.

    Publishing does not await, so no publication overtakes another. All subscribers of a channel get the publications
    in the same order.
    """

    def __init__(self) -> None:
        self._channels: dict[str, Channel] = {}
        self.flusher = Flusher()

    def subscribers(self, channel: str) -> int:
        """Return the number of subscribers of this channel."""
        return len(self._channels.get(channel, ()))

    def publish(self, channel: str, data: str | bytes, *, key: Hashable = None) -> None:
        """Send `data` to all current subscribers of this channel.

        With a `key`, such as the owner of a cursor, the message replaces waiting messages with the same key.
        """
        listening = self._channels.get(channel)
        if listening is None:
            return
        message = Outgoing.of(data, key)
        self.flusher.note_publication(message)
        if listening.publish(message):
            self.flusher.settle_later(listening)

    @contextmanager
    def subscription(self, channel: str, subscriber: Subscriber) -> Iterator[None]:
        """Subscribe to a channel for the duration of the block."""
        listening = self._channels.setdefault(channel, Channel())
        listening.add(subscriber)
        try:
            yield
        finally:
            listening.remove(subscriber)
            if not listening:
                del self._channels[channel]
