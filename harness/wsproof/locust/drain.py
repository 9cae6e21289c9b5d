"""Detection of lost messages, which a drain need not wait for."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from wsproof.locust.outstanding import Key, OutstandingDeliveries
from wsproof.model.expected import Ints
from wsproof.model.history import Kind, Receipts

Number = TypeVar("Number", int, Ints)


def proven_lost(pending: OutstandingDeliveries, receipts: Receipts) -> list[tuple[Key, int]]:
    """Publications and replies that will not arrive any more. Requires that the order per publisher is promised.

    If a member has received a newer message of the same publisher, an older one that is missing is lost.
    """
    intact = receipts.intact == 1
    streams = stream_of(receipts.subscriber[intact], receipts.publisher[intact], receipts.kind[intact])
    known, at = np.unique(streams, return_inverse=True)
    newest = np.full(len(known), -1, dtype=np.int64)
    np.maximum.at(newest, at, receipts.sequence[intact])
    newest_of = dict(zip(known.tolist(), newest.tolist(), strict=True))
    lost: list[tuple[Key, int]] = []
    for key, member in pending.pairs():
        match key:
            case (Kind() as kind, int(publisher), int(sequence)):
                if newest_of.get(stream_of(member, publisher, kind), -1) > sequence:
                    lost.append((key, member))
    return lost


def stream_of(member: Number, publisher: Number, kind: Number) -> Number:
    """One number per member, publisher and kind (DELIVERY is 0, REPLY is 1)."""
    return (member << 33) | (publisher << 1) | kind
