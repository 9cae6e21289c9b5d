"""Checks that messages of one publisher arrive in the order in which they were sent."""

from __future__ import annotations

import numpy as np

from wsproof.checks.check import found
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
    got = history.receipts
    pairs = [inversions(got, first_receipts(got, rows)) for rows in groups(got)]
    befores = np.concatenate([np.zeros(0, np.int64), *(before for before, _ in pairs)])
    afters = np.concatenate([np.zeros(0, np.int64), *(after for _, after in pairs)])
    if not len(afters):
        return []
    describer = Describer(history)
    first = np.argmin(got.received_ns[afters])
    before, after = int(befores[first]), int(afters[first])
    return [
        found(
            Anomaly.REORDERED,
            contract,
            f"{describer.who(int(got.subscriber[before]))} received message {int(got.sequence[before])} of "
            f"{describer.who(int(got.publisher[before]))} before its message {int(got.sequence[after])}"
            f"{f' ({len(afters)} inversions in all)' if len(afters) > 1 else ''}.",
            [describer.receipt(before), describer.receipt(after)],
            occurrences=len(afters),
            events=events_of(
                history,
                [(int(got.publisher[row]), int(got.sequence[row])) for row in (after, before)],
                [int(got.subscriber[before])],
                kind=Kind(int(got.kind[before])),
            ),
        )
    ]


def inversions(got: Receipts, rows: Ints) -> tuple[Ints, Ints]:
    """Pairs of rows whose sequence numbers are out of order, among the first receipts of some members.

    The two rows are consecutive receipts of one subscriber, of the same kind and publisher.
    """
    if _ascending(got, rows):
        return rows[:0], rows[:0]
    arrived = rows[np.lexsort((rows, got.publisher[rows], got.kind[rows], got.subscriber[rows]))]
    at = np.flatnonzero(_one_stream(got, arrived) & (np.diff(got.sequence[arrived]) < 0))
    return arrived[at], arrived[at + 1]


def _ascending(got: Receipts, rows: Ints) -> bool:
    """Whether first receipts, sorted by sequence, also arrived in this order: a fast test for the usual case."""
    return not np.any((np.diff(rows) < 0) & _one_stream(got, rows))


def _one_stream(got: Receipts, rows: Ints) -> Flags:
    """Whether a row and the next have the same subscriber, kind and publisher."""
    same: Flags = np.diff(got.subscriber[rows]) == 0
    same &= np.diff(got.kind[rows]) == 0
    same &= np.diff(got.publisher[rows]) == 0
    return same
