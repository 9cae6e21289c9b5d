"""Checks that a member which joins while others publish misses nothing between its history and the live messages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np

from wsproof.checks.check import found
from wsproof.checks.describe import Describer
from wsproof.checks.space_time import events_of
from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.expected import publication_rows
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.history import History, Kind, Member, Outcome


@dataclass(frozen=True)
class _Gap:
    """A publication that a member lacks, and the receipts of an older and of a newer one of the same publisher."""

    member: int
    publication: int
    """Row of the missing publication."""
    older: int
    """Row of a receipt."""
    newer: int
    """Row of a receipt."""


def gap(history: History, contract: Contract) -> list[Finding]:
    """A member that joins while others publish receives every message between its first and its last one."""
    # Publications that were sent after the member's first receipt are judged by `lost`.
    if contract.order is Order.NONE or contract.audience in (Audience.NOBODY, Audience.PUBLISHER):
        return []
    received = _deliveries(history)
    gaps = [each for member in history.members for each in _gaps_of(member, received, history)]
    if not gaps:
        return []
    describer, sent, first = Describer(history), history.publications, gaps[0]
    publisher = int(sent.publisher[first.publication])
    missing = [int(sent.sequence[each.publication]) for each in gaps if _is_same_stream(each, first, history)]
    got = history.receipts
    older, newer = int(got.sequence[first.older]), int(got.sequence[first.newer])
    others = len(gaps) - len(missing)
    return [
        found(
            Anomaly.LOST,
            contract,
            f"{describer.who(first.member)} joined while others published: of {describer.who(publisher)} it received "
            f"message {older} and message {newer}, and never {_numbers(missing)} between them, which others "
            f"received{f' ({others} such messages of other publishers or members)' if others else ''}. So there is a "
            "gap between the history that the server sends to a new member and the live messages: a message that is "
            "published after the history is read and before the member is subscribed is in neither.",
            [
                describer.arrival(first.member),
                describer.receipt(first.older),
                describer.publication(first.publication),
                describer.receipt(first.newer),
                f"        {describer.who(first.member)} never receives {_numbers(missing)} of "
                f"{describer.who(publisher)}",
            ],
            occurrences=len(gaps),
            events=events_of(
                history,
                [(publisher, number) for number in (older, missing[0], newer)],
                [first.member],
                missing=[(first.member, (publisher, missing[0]))],
            ),
        )
    ]


def _deliveries(history: History) -> dict[tuple[int, int], dict[int, int]]:
    """The deliveries per (subscriber, publisher): publication row to the row of its first receipt."""
    got = history.receipts
    known = publication_rows(history.publications, got.publisher, got.sequence)
    received: dict[tuple[int, int], dict[int, int]] = defaultdict(dict)
    for row in np.flatnonzero((known >= 0) & (got.kind == Kind.DELIVERY) & (got.intact == 1)).tolist():
        received[int(got.subscriber[row]), int(got.publisher[row])].setdefault(int(known[row]), row)
    return received


def _gaps_of(member: Member, received: dict[tuple[int, int], dict[int, int]], history: History) -> list[_Gap]:
    """The gaps of one member, by publisher and sequence."""
    if not member.is_well_behaved or not member.in_ns:
        return []
    sent, gaps = history.publications, list[_Gap]()
    for publisher in range(len(history.members)):
        mine = received.get((member.number, publisher))
        if not mine or publisher == member.number:
            continue
        order = sorted(mine, key=lambda row: sent.sequence[row])
        oldest, newest = (int(sent.sequence[order[at]]) for at in (0, -1))
        between = (sent.publisher == publisher) & (sent.sequence > oldest) & (sent.sequence < newest)
        between &= (sent.outcome == Outcome.OK) & (sent.sent_ns > 0) & (sent.sent_ns < member.in_ns)
        for row in np.flatnonzero(between).tolist():
            if row not in mine and _reached_others(row, publisher, member, received, history):
                older = max((other for other in order if sent.sequence[other] < sent.sequence[row]), key=order.index)
                newer = next(other for other in order if sent.sequence[other] > sent.sequence[row])
                gaps.append(_Gap(member.number, row, mine[older], mine[newer]))
    return gaps


def _reached_others(
    row: int, publisher: int, member: Member, received: dict[tuple[int, int], dict[int, int]], history: History
) -> bool:
    """Whether another member received the publication. Otherwise the server did not accept it."""
    others = (m.number for m in history.members if m.number != member.number and m.room == member.room)
    return any(row in received.get((other, publisher), ()) for other in others)


def _is_same_stream(one: _Gap, other: _Gap, history: History) -> bool:
    publisher = history.publications.publisher
    return one.member == other.member and bool(publisher[one.publication] == publisher[other.publication])


def _numbers(sequences: list[int]) -> str:
    """The numbers of missing messages as a phrase."""
    if len(sequences) == 1:
        return f"message {sequences[0]}"
    return f"{len(sequences)} messages from {sequences[0]} to {sequences[-1]}"
