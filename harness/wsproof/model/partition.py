"""Receipts in portions: what is true of each member by itself can be found out some members at a time.

It bounds the memory of a run of many millions of receipts. Of a run that is not long, there is one portion.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from wsproof.model.history import Receipts

AT_ONCE = 2_000_000
"""Receipts that are looked at in one go."""


def slices(start: int, end: int) -> Iterator[slice]:
    """The rows from `start` to `end`, some at a time."""
    for first in range(start, end, AT_ONCE):
        yield slice(first, min(first + AT_ONCE, end))


def member_ranges(receipts: Receipts, most_members: int | None = None) -> Iterator[range]:
    """All members that received anything, as ranges of numbers with about `AT_ONCE` receipts or fewer; one member is
    never divided."""
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
    """The rows of which something holds, ascending; `holds` is asked about some rows at a time."""
    found = [np.flatnonzero(holds(part)) + part.start for part in slices(0, len(receipts))]
    return np.concatenate([np.zeros(0, np.int64), *found])


def rows_of(receipts: Receipts, members: range) -> NDArray[np.int64]:
    """The rows that a range of members received, ascending."""
    whose = receipts.subscriber
    return rows_where(receipts, lambda part: (whose[part] >= members.start) & (whose[part] < members.stop))


def groups(receipts: Receipts) -> Iterator[NDArray[np.int64]]:
    """The rows of all receipts, in groups: all that some members received, ascending."""
    for each in member_ranges(receipts):
        yield rows_of(receipts, each)
