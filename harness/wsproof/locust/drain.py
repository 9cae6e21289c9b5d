"""The drain at the end of a run, and the messages for which it waits: those that may still arrive."""

from __future__ import annotations

from collections.abc import Sequence
from time import monotonic_ns
from typing import TypeVar

import gevent
import numpy as np

from wsproof.checks.feed import silence_ns
from wsproof.checks.presence import missing_leave
from wsproof.locust.generator_fault import LoopTimeout
from wsproof.locust.measured_run import MeasuredRun, join_runs
from wsproof.locust.message import MessageCache
from wsproof.locust.outstanding import Key, OutstandingDeliveries
from wsproof.locust.run_members import RunMembers
from wsproof.locust.run_publisher import RunPublisher
from wsproof.locust.run_receiver import RunReceiver
from wsproof.model.contract import Audience, Contract, Feed, Order
from wsproof.model.expected import Ints, expected_deliveries
from wsproof.model.history import Kind, Receipts
from wsproof.model.nanoseconds import NS

DRAIN_SECONDS = 10.0
"""Longest drain, in seconds from the end of the measured window."""
DRAIN_STEP_SECONDS = 0.02
LOOK_SECONDS = 1.0
"""Seconds between two searches for certainly lost messages during a long drain."""
Number = TypeVar("Number", int, Ints)
ID_COUNT = 1 << 31
"""The number of member ids: the largest distance between two of them."""


class Drain:
    """The wait of one run for all deliveries that may still arrive after the end of the measured window."""

    def __init__(
        self,
        contract: Contract,
        members: RunMembers,
        messages: MessageCache,
        pending: OutstandingDeliveries,
        publisher: RunPublisher,
        receiver: RunReceiver,
    ) -> None:
        self._contract = contract
        self._members = members
        self._messages = messages
        self._pending = pending
        self._publisher = publisher
        self._receiver = receiver

    def wait(self, end_ns: int) -> None:
        """Wait, for at most DRAIN_SECONDS in which the event loop runs. `end_ns`: the end of the window."""
        timeout = LoopTimeout(DRAIN_SECONDS, DRAIN_STEP_SECONDS)
        look_ns = end_ns + int(LOOK_SECONDS * NS)
        while self.is_waiting() and timeout.spend():
            gevent.sleep(DRAIN_STEP_SECONDS)
            if monotonic_ns() >= look_ns:
                self._forget_lost()
                look_ns = monotonic_ns() + int(LOOK_SECONDS * NS)

    def is_waiting(self) -> bool:
        """Whether a delivery may still arrive."""
        if self._contract.feed is not None:
            return self.is_feed_silent(self._contract.feed, monotonic_ns())
        return bool(self._pending) or self._publisher.is_busy or self.somebody_is_new()

    def is_feed_silent(self, feed: Feed, now_ns: int) -> bool:
        """Whether a viewer has received nothing for so long that the feed would be called stopped.

        An overloaded server may only be late. Without the load it sends again.
        """
        members, last_tick_ns = self._members, self._receiver.last_tick_ns
        since_ns = [
            last_tick_ns.get(member, members[member].connected_ns)
            for member in members.lines.keys() - members.unhurried
        ]
        is_late = any(now_ns - each > silence_ns(feed) for each in since_ns)
        return is_late or bool(since_ns and not last_tick_ns)

    def somebody_is_new(self) -> bool:
        """Whether a member that has received nothing was connected before the last publication in its room."""
        if self._contract.audience not in (Audience.EVERYONE, Audience.OTHERS):
            return False
        members, last_sent_ns = self._members, self._publisher.last_sent_ns
        return any(
            members[number].connected_ns < last_sent_ns.get(members[number].room, 0)
            for number in members.lines.keys() - members.present - members.unhurried
        )

    def _forget_lost(self) -> None:
        if self._contract.order is not Order.NONE:
            for key, member in proven_lost(self._pending, self._messages.receipts()):
                self._pending.came(key, member)


def proven_lost(pending: OutstandingDeliveries, receipts: Receipts) -> list[tuple[Key, int]]:
    """Publications and replies that will not arrive any more. Requires that the order per publisher is promised.

    If a member has received a newer message of the same publisher, an older one that is missing is lost.
    """
    newest_of = newest_messages(receipts)
    lost: list[tuple[Key, int]] = []
    for key, member in pending.pairs():
        match key:
            case (Kind() as kind, int(publisher), int(sequence)):
                if newest_of.get(stream_of(member, publisher, kind), -1) > sequence:
                    lost.append((key, member))
    return lost


def newest_messages(receipts: Receipts) -> dict[int, int]:
    """The highest sequence number that arrived intact, by stream (`stream_of`)."""
    intact = receipts.intact == 1
    streams = stream_of(receipts.subscriber[intact], receipts.publisher[intact], receipts.kind[intact])
    known, at = np.unique(streams, return_inverse=True)
    newest = np.full(len(known), -1, dtype=np.int64)
    np.maximum.at(newest, at, receipts.sequence[intact])
    return dict(zip(known.tolist(), newest.tolist(), strict=True))


def is_waiting_across(runs: Sequence[MeasuredRun]) -> bool:
    """Whether members of one process still wait for messages of another. Each process waits for its own messages.

    `runs`: those of the processes, with the same clock.
    """
    if len(runs) < 2:
        return False
    measurement = join_runs(runs).measurement
    history, contract = measurement.history, measurement.contract
    if missing_leave(history, contract):
        return True
    missing = expected_deliveries(history, contract)
    publisher = history.publications.publisher[missing.missing_row]
    sequence = history.publications.sequence[missing.missing_row]
    process = np.repeat(np.arange(len(runs)), [len(run.measurement.history.members) for run in runs])
    across = process[publisher] != process[missing.missing_member]
    if contract.order is Order.NONE:
        return bool(across.any())
    newest_of = newest_messages(history.receipts)
    streams = stream_of(missing.missing_member[across], publisher[across], np.int64(Kind.DELIVERY))
    return any(
        newest_of.get(stream, -1) < number
        for stream, number in zip(streams.tolist(), sequence[across].tolist(), strict=True)
    )


def stream_of(member: Number, publisher: Number, kind: Number) -> Number:
    """One number per member, publisher and kind (DELIVERY is 0, REPLY is 1).

    A publisher in another process is counted from the first member of this one, and may be negative.
    """
    return (member << 33) + ((publisher + ID_COUNT) << 1) + kind
