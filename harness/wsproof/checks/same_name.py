"""Connections of one name: which were open at once, and what a server may do about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from wsproof.model.history import Departure, History, Member

NOTICED_NS = 1_000_000_000
"""Time in ns in which a server notices that a connection has ended. Until then it may take it for open."""


def were_both_open(one: Member, other: Member) -> bool:
    """Whether two connections were open at the same time, for all that the server knew."""
    if not (one.connected_ns and other.connected_ns):
        return False
    first, second = sorted((one, other), key=lambda member: member.connected_ns)
    return not first.left_ns or first.left_ns + NOTICED_NS > second.connected_ns


def namesakes(member: Member, history: History) -> Iterator[Member]:
    """The other connections of this member's name that were open at the same time as it, or just before."""
    for other in history.members:
        if other is member or other.name != member.name or other.departure is Departure.REFUSED:
            continue
        if were_both_open(member, other):
            yield other


def shared_names(history: History) -> set[str]:
    """The names that several connections had."""
    counts = Counter(member.name for member in history.members)
    return {name for name, count in counts.items() if count > 1}
