"""The messages for which a drain waits: those that may still arrive, without those that are certainly lost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from wsproof.checks.presence import missing_leave
from wsproof.locust.measured_run import MeasuredRun, join_runs
from wsproof.locust.outstanding import Key, OutstandingDeliveries
from wsproof.model.contract import Order
from wsproof.model.expected import Ints, expected_deliveries
from wsproof.model.history import Kind, Receipts

Number = TypeVar("Number", int, Ints)
ID_COUNT = 1 << 31
"""The number of member ids: the largest distance between two of them."""


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
