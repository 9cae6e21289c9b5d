"""Checks that messages of one publisher arrive in the order in which they were sent."""

from __future__ import annotations

import numpy as np

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import Describer
from wsproof.checks.duplicates import first_receipts
from wsproof.checks.space_time import events_of
from wsproof.model.contract import Contract, Order
from wsproof.model.expected import Flags, Ints
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.history import History, Kind, Receipts
from wsproof.model.partition import groups


def reordered(history: History, contract: Contract) -> list[Finding]:
    """Every member receives the messages of one publisher in the order in which they were sent."""
    if contract.order is Order.NONE:
        return []
    receipts = history.receipts
    pairs = [inversions(receipts, first_receipts(receipts, rows)) for rows in groups(receipts)]
    befores = np.concatenate([np.zeros(0, np.int64), *(before for before, _ in pairs)])
    afters = np.concatenate([np.zeros(0, np.int64), *(after for _, after in pairs)])
    if not len(afters):
        return []
    describer = Describer(history)
    first = np.argmin(receipts.received_ns[afters])
    before, after = int(befores[first]), int(afters[first])
    return [
        channel_finding(
            Anomaly.REORDERED,
            contract,
            f"{describer.who(int(receipts.subscriber[before]))} received message {int(receipts.sequence[before])} of "
            f"{describer.who(int(receipts.publisher[before]))} before its message {int(receipts.sequence[after])}"
            f"{f' ({len(afters)} inversions in all)' if len(afters) > 1 else ''}.",
            [describer.receipt(before), describer.receipt(after)],
            occurrences=len(afters),
            events=events_of(
                history,
                [(int(receipts.publisher[row]), int(receipts.sequence[row])) for row in (after, before)],
                [int(receipts.subscriber[before])],
                kind=Kind(int(receipts.kind[before])),
            ),
        )
    ]


def inversions(receipts: Receipts, rows: Ints) -> tuple[Ints, Ints]:
    """Pairs of rows whose sequence numbers are out of order, among the first receipts of some members.

    The two rows are consecutive receipts of one subscriber, of the same kind and publisher.
    """
    if _ascending(receipts, rows):
        return rows[:0], rows[:0]
    arrived = rows[np.lexsort((rows, receipts.publisher[rows], receipts.kind[rows], receipts.subscriber[rows]))]
    at = np.flatnonzero(_one_stream(receipts, arrived) & (np.diff(receipts.sequence[arrived]) < 0))
    return arrived[at], arrived[at + 1]


def _ascending(receipts: Receipts, rows: Ints) -> bool:
    """Whether first receipts, sorted by sequence, also arrived in this order: a fast test for the usual case."""
    return not np.any((np.diff(rows) < 0) & _one_stream(receipts, rows))


def _one_stream(receipts: Receipts, rows: Ints) -> Flags:
    """Whether a row and the next have the same subscriber, kind and publisher."""
    same: Flags = np.diff(receipts.subscriber[rows]) == 0
    same &= np.diff(receipts.kind[rows]) == 0
    same &= np.diff(receipts.publisher[rows]) == 0
    return same
