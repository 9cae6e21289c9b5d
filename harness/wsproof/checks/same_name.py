"""Several connections of one name: which were open at the same time, and what the server says about them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import Describer, shortened
from wsproof.model.contract import Contract
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.history import Departure, History, Member, PresenceNotice

NOTICED_NS = 1_000_000_000
"""Time in ns in which a server notices that a connection has ended. Until then it may consider it open."""


def were_both_open(member: Member, other: Member) -> bool:
    """Whether two connections were open at the same time, as far as the server could know."""
    if not (member.connected_ns and other.connected_ns):
        return False
    first, second = sorted((member, other), key=lambda each: each.connected_ns)
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


@dataclass(frozen=True)
class _EarlyLeave:
    """A leave notice about a name of which one connection had ended and another was open."""

    notice: PresenceNotice
    ended: Member
    still_open: Member


def early_user_leave(history: History, contract: Contract) -> list[Finding]:
    """A user with several connections has left when the last of them has ended."""
    # Join notices show whether the server counts people or connections. A server that announces each connection may
    # also announce the end of each.
    if not contract.leaves:
        return []
    wrong = [early for notice in history.notices if notice.left for early in _early_leaves(notice, history)]
    if not wrong:
        return []
    describer, first = Describer(history), wrong[0]
    name = shortened(first.ended.name, 40)
    return [
        channel_finding(
            Anomaly.PHANTOM,
            contract,
            f"{describer.who(first.notice.subscriber)} was told that {name} had left when one of its two connections "
            "ended, and the other was open. The server had announced it once for both, so it counts people, but does "
            "not expect a person to have more than one connection.",
            [
                describer.arrival(first.ended.number),
                describer.arrival(first.still_open.number),
                f"{describer.when(first.notice.received_ns)}  {describer.who(first.notice.subscriber)} is told that "
                f"{name} has left",
            ],
            occurrences=len(wrong),
        )
    ]


def _early_leaves(notice: PresenceNotice, history: History) -> Iterator[_EarlyLeave]:
    """The notice with the connection that ended and the one that was open, if the server counts people."""
    witness = history.members[notice.subscriber]
    for ended in history.members:
        if ended.name != notice.about or ended.room != witness.room or not ended.departure.is_own:
            continue
        if not witness.in_ns or not witness.in_ns < ended.connected_ns or notice.received_ns < ended.left_ns:
            continue
        for other in namesakes(ended, history):
            if _is_open(other, ended, notice) and _is_announced_once(witness, ended, other, history):
                yield _EarlyLeave(notice, ended, other)
                return


def _is_open(other: Member, ended: Member, notice: PresenceNotice) -> bool:
    """Whether another connection was open from before the end of the first until after the notice."""
    was_open = other.in_ns and other.connected_ns < ended.left_ns
    return bool(was_open) and (not other.left_ns or other.left_ns > notice.received_ns)


def _is_announced_once(witness: Member, ended: Member, other: Member, history: History) -> bool:
    """Whether the witness received only one notice that the name had joined, for both connections."""
    if not witness.in_ns < other.connected_ns:
        return False
    announced = [
        notice
        for notice in history.notices
        if not notice.left and (notice.subscriber, notice.about) == (witness.number, ended.name)
        if notice.received_ns < ended.left_ns
    ]
    return len(announced) == 1
