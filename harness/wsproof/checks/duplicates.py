"""Tells first receipts of a publication from repeats, in groups of members to bound the memory."""

from __future__ import annotations

import numpy as np

from wsproof.model.expected import Flags, Ints
from wsproof.model.history import Receipts
from wsproof.model.partition import groups


def _by_key(got: Receipts, rows: Ints) -> tuple[Ints, Flags]:
    """The intact receipts among all rows of some members, sorted by key, and a flag per row.

    Receipts with the same key are adjacent, in order of arrival. The flag is true if a row has the key of the row
    before.
    """
    rows = rows[got.intact[rows] == 1]
    columns = [column[rows] for column in (got.sequence, got.publisher, got.kind, got.subscriber)]
    order = np.lexsort(columns)
    same = np.zeros(len(order), dtype=bool)
    same[1:] = True
    for column in columns:
        same[1:] &= np.diff(column[order]) == 0
    return rows[order], same


def repeats(got: Receipts) -> tuple[Ints, Ints]:
    """Pairs of rows: an intact receipt, and the next receipt of the same publication by the same subscriber."""
    before, again = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for group in groups(got):
        rows, same = _by_key(got, group)
        at = np.flatnonzero(same)
        before.append(rows[at - 1])
        again.append(rows[at])
    return np.concatenate(before), np.concatenate(again)


def first_receipts(got: Receipts, rows: Ints) -> Ints:
    """The intact receipts without repeats among all rows of some members.

    Sorted by member, kind, publisher and sequence number.
    """
    rows, same = _by_key(got, rows)
    return rows[~same]
