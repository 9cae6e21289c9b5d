"""Who hears whom: members of one room that fall into groups, each of which hears only itself."""

from __future__ import annotations

import numpy as np

from wsproof.model.expected import Ints
from wsproof.model.history import History, Kind
from wsproof.model.partition import slices

SHOWN = 8
"""Members of a group that are named."""


def hearing_groups(history: History, members: Ints, rows: Ints) -> list[list[int]]:
    """The groups into which members fall, if every missing delivery (member, publication row) crosses them; else none.

    Two members are in one group when one of them has heard the other.
    """
    if not len(members):
        return []
    room = history.members[int(members[0])].room
    heard = [m.number for m in history.members if m.room == room and m.innocent and m.in_ns]
    group = {number: number for number in heard}

    def root(number: int) -> int:
        while group[number] != number:
            number = group[number] = group[group[number]]
        return number

    for subscriber, publisher in _pairs(history):
        if subscriber in group and publisher in group:
            group[root(subscriber)] = root(publisher)
    publishers = history.publications.publisher[rows].tolist()
    for member, publisher in zip(members.tolist(), publishers, strict=True):
        if member not in group or publisher not in group or root(member) == root(publisher):
            return []
    groups: dict[int, list[int]] = {}
    for number in heard:
        groups.setdefault(root(number), []).append(number)
    return list(groups.values())


def groups_in_words(groups: list[list[int]]) -> str:
    """The cause that such groups point to."""
    if len(groups) < 2:
        return ""
    named = [", ".join(map(str, group[:SHOWN])) + (", ..." if len(group) > SHOWN else "") for group in groups]
    return (
        f" The members fall into {len(groups)} groups that hear only themselves: {' | '.join(named)}. So it is where a "
        "server has several processes that do not hand each other what is published."
    )


def _pairs(history: History) -> set[tuple[int, int]]:
    """Who has received a delivery of whom."""
    got, pairs = history.receipts, set[tuple[int, int]]()
    for part in slices(0, len(got)):
        chosen = (got.kind[part] == Kind.DELIVERY) & (got.intact[part] == 1)
        both = np.stack([got.subscriber[part][chosen], got.publisher[part][chosen]])
        pairs |= {(int(one), int(other)) for one, other in np.unique(both, axis=1).T}
    return pairs
