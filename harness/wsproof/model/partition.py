"""Partitions of receipts by member, which bound the memory for many millions of receipts.

A computation that looks at each member by itself can process some members at a time. A short run has one partition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from wsproof.model.history import Receipts

AT_ONCE = 2_000_000
"""Number of receipts that are processed at a time."""


def slices(start: int, end: int) -> Iterator[slice]:
    """Yield the rows from `start` to `end`, at most `AT_ONCE` at a time."""
    for first in range(start, end, AT_ONCE):
        yield slice(first, min(first + AT_ONCE, end))


def member_ranges(receipts: Receipts, most_members: int | None = None) -> Iterator[range]:
    """Yield ranges of member numbers with at most about `AT_ONCE` receipts each.

    Together they cover all members that received anything. One member is never split. `most_members` limits a range,
    too.
    """
    counts = np.zeros(0, np.int64)
    for part in slices(0, len(receipts)):
        more = np.bincount(receipts.subscriber[part], minlength=len(counts))
        more[: len(counts)] += counts
        counts = more
    first = held = 0
    for member, count in enumerate(counts.tolist()):
        if member > first and (held + count > AT_ONCE or member - first == most_members):
            yield range(first, member)
            first, held = member, 0
        held += count
    if first < len(counts):
        yield range(first, len(counts))


def rows_where(receipts: Receipts, holds: Callable[[slice], NDArray[np.bool_]]) -> NDArray[np.int64]:
    """Return the rows for which `holds` is true, ascending. `holds` gets some rows at a time."""
    rows = [np.flatnonzero(holds(part)) + part.start for part in slices(0, len(receipts))]
    return np.concatenate([np.zeros(0, np.int64), *rows])


def rows_of(receipts: Receipts, members: range) -> NDArray[np.int64]:
    """Return the rows that a range of members received, ascending."""
    whose = receipts.subscriber
    return rows_where(receipts, lambda part: (whose[part] >= members.start) & (whose[part] < members.stop))


def groups(receipts: Receipts) -> Iterator[NDArray[np.int64]]:
    """Yield all rows in groups. Each group has all rows of some members, ascending."""
    for each in member_ranges(receipts):
        yield rows_of(receipts, each)
