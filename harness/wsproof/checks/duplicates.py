"""Which receipts are the first of their publication, and which are repeats; found some members at a time."""

from __future__ import annotations

import numpy as np

from wsproof.model.expected import Flags, Ints
from wsproof.model.history import Receipts
from wsproof.model.partition import groups


def _by_key(got: Receipts, rows: Ints) -> tuple[Ints, Flags]:
    """Of all rows of some members the intact ones, those of one key side by side in the order in which they came, and
    whether the row's key is that of the row before it."""
    rows = rows[got.intact[rows] == 1]
    columns = [column[rows] for column in (got.sequence, got.publisher, got.kind, got.subscriber)]
    order = np.lexsort(columns)
    same = np.zeros(len(order), dtype=bool)
    same[1:] = True
    for column in columns:
        same[1:] &= np.diff(column[order]) == 0
    return rows[order], same


def repeats(got: Receipts) -> tuple[Ints, Ints]:
    """Pairs of rows: an intact receipt, and the next one of the same publication by the same subscriber."""
    before, again = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for group in groups(got):
        rows, same = _by_key(got, group)
        at = np.flatnonzero(same)
        before.append(rows[at - 1])
        again.append(rows[at])
    return np.concatenate(before), np.concatenate(again)


def first_receipts(got: Receipts, rows: Ints) -> Ints:
    """Of all rows of some members the intact ones without repeats: side by side those of a member, of these those of
    one kind, of these those of one publisher, and these by sequence."""
    rows, same = _by_key(got, rows)
    return rows[~same]
