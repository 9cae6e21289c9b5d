"""Groups of members that receive only each other's messages, as with workers that do not share publications."""

from __future__ import annotations

import numpy as np

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import Describer
from wsproof.model.contract import Contract
from wsproof.model.expected import Ints, expected_deliveries
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.history import History, Kind
from wsproof.model.partition import slices

_BITS = 32
_MASK, _OFFSET = (1 << _BITS) - 1, 1 << (_BITS - 1)
"""A pair of member numbers is one integer, whose lower half is the second number and may be negative."""
SHOWN = 8
"""Number of members of a group that a finding names."""


def split_audience(history: History, contract: Contract) -> list[Finding]:
    """All members of a room receive each other's messages, whichever worker of the server each is connected to."""
    due = expected_deliveries(history, contract)
    groups = delivery_groups(history, due.missing_member, due.missing_row)
    if not _shows_workers(groups):
        return []
    describer = Describer(history)
    member, row = int(due.missing_member[0]), int(due.missing_row[0])
    publisher = int(history.publications.publisher[row])
    publication = describer.what(publisher, int(history.publications.sequence[row]))
    return [
        channel_finding(
            Anomaly.LOST,
            contract,
            f"{describer.who(member)} never received {publication}. In all, {len(due.missing_row)} pair(s) of a member "
            f"and a message are missing, each between two groups.{groups_in_words(groups)}",
            [
                *(f"        group {at}: members {_named(group)}" for at, group in enumerate(groups, 1)),
                describer.publication(row),
                f"        {describer.who(member)} never receives {publication}",
            ],
            occurrences=len(due.missing_row),
        )
    ]


def _shows_workers(groups: list[list[int]]) -> bool:
    """Whether such groups can only be explained by workers: two of them have several members each.

    Otherwise one member may not be served, or the server may send to the publisher alone.
    """
    return sum(len(group) > 1 for group in groups) > 1


def delivery_groups(history: History, members: Ints, rows: Ints) -> list[list[int]]:
    """Groups of members, if every missing delivery (member, publication row) crosses groups; else an empty list.

    Two members are in one group if one of them has received a message of the other. Groups of several members must miss
    each other's messages: members that were never connected at the same time are in different groups, too.
    """
    if not len(members):
        return []
    room = history.members[int(members[0])].room
    connected = [m.number for m in history.members if m.room == room and m.is_well_behaved and m.in_ns]
    group = {number: number for number in connected}

    def root(number: int) -> int:
        while group[number] != number:
            number = group[number] = group[group[number]]
        return number

    for subscriber, publisher in _pairs(history):
        if subscriber in group and publisher in group:
            group[root(subscriber)] = root(publisher)
    publishers = history.publications.publisher[rows].tolist()
    missing = set[tuple[int, int]]()
    for member, publisher in zip(members.tolist(), publishers, strict=True):
        if member not in group or publisher not in group or root(member) == root(publisher):
            return []
        missing.add((root(member), root(publisher)))
    groups: dict[int, list[int]] = {}
    for number in connected:
        groups.setdefault(root(number), []).append(number)
    several = {number for number, group_members in groups.items() if len(group_members) > 1}
    is_mutual = any((other, one) in missing for one, other in missing if {one, other} <= several)
    return list(groups.values()) if is_mutual or len(several) < 2 else []


def groups_in_words(groups: list[list[int]]) -> str:
    """The likely cause of such groups."""
    if len(groups) < 2:
        return ""
    if not _shows_workers(groups):
        alone = sorted(group[0] for group in groups if len(group) == 1)
        if len(alone) == len(groups):
            return " Every member receives only its own messages."
        only = f"Member {alone[0]} receives only its own messages, and nobody else receives them"
        return f" {only if len(alone) == 1 else f'Each of the members {_named(alone)} receives only its own messages'}."
    return (
        f" The members form {len(groups)} groups that receive only their own messages: "
        f"{' | '.join(map(_named, groups))}. This happens if a server has several workers or processes without a "
        "shared backplane: a publication reaches only the members of the same worker."
    )


def _named(group: list[int]) -> str:
    """The numbers of a group's members, the first few of many."""
    return ", ".join(map(str, group[:SHOWN])) + (", ..." if len(group) > SHOWN else "")


def _pairs(history: History) -> set[tuple[int, int]]:
    """The pairs (subscriber, publisher) with at least one delivery."""
    receipts, pairs = history.receipts, set[tuple[int, int]]()
    for part in slices(0, len(receipts)):
        chosen = (receipts.kind[part] == Kind.DELIVERY) & (receipts.intact[part] == 1)
        keys = np.unique(
            (receipts.subscriber[part][chosen].astype(np.int64) << _BITS) + receipts.publisher[part][chosen] + _OFFSET
        )
        pairs |= set(zip((keys >> _BITS).tolist(), ((keys & _MASK) - _OFFSET).tolist(), strict=True))
    return pairs
