"""Groups of members that receive only each other's messages."""

from __future__ import annotations

import numpy as np

from wsproof.model.expected import Ints
from wsproof.model.history import History, Kind
from wsproof.model.partition import slices

SHOWN = 8
"""Number of members of a group that a finding names."""


def hearing_groups(history: History, members: Ints, rows: Ints) -> list[list[int]]:
    """Groups of members, if every missing delivery (member, publication row) crosses groups; else an empty list.

    Two members are in one group if one of them has received a message of the other.
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
    """The likely cause of such groups."""
    if len(groups) < 2:
        return ""
    named = [", ".join(map(str, group[:SHOWN])) + (", ..." if len(group) > SHOWN else "") for group in groups]
    return (
        f" The members fall into {len(groups)} groups that hear only themselves: {' | '.join(named)}. So it is where a "
        "server has several processes that do not hand each other what is published."
    )


def _pairs(history: History) -> set[tuple[int, int]]:
    """The pairs (subscriber, publisher) with at least one delivery."""
    got, pairs = history.receipts, set[tuple[int, int]]()
    for part in slices(0, len(got)):
        chosen = (got.kind[part] == Kind.DELIVERY) & (got.intact[part] == 1)
        both = np.stack([got.subscriber[part][chosen], got.publisher[part][chosen]])
        pairs |= {(int(one), int(other)) for one, other in np.unique(both, axis=1).T}
    return pairs
