"""Checks that a member which joins while others publish misses nothing between its history and the live messages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import Describer
from wsproof.checks.space_time import events_of
from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.expected import Ints, publication_rows
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
    early = early_publications(history)
    received = early_deliveries(history, early)
    gaps = [each for stream in sorted(received) for each in _gaps_of(*stream, received, early, history)]
    if not gaps:
        return []
    describer, sent, first = Describer(history), history.publications, gaps[0]
    publisher = int(sent.publisher[first.publication])
    missing = [int(sent.sequence[each.publication]) for each in gaps if _is_same_stream(each, first, history)]
    receipts = history.receipts
    older, newer = int(receipts.sequence[first.older]), int(receipts.sequence[first.newer])
    others = len(gaps) - len(missing)
    return [
        channel_finding(
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


Received: TypeAlias = dict[tuple[int, int], dict[int, int]]
"""The deliveries per (subscriber, publisher): publication row to the row of its first receipt."""


def early_publications(history: History) -> Ints:
    """The rows of the publications that some member may lack: they were sent before all members were in."""
    latest_ns = max((member.in_ns for member in history.members), default=0)
    return np.flatnonzero(history.publications.sent_ns < latest_ns)


def early_deliveries(history: History, early: Ints) -> Received:
    """The deliveries of early publications, and all later ones in the streams that lack an early one.

    In a run of millions of receipts nearly all are later ones, and hardly any stream lacks something.
    """
    receipts = history.receipts
    sent_rows = publication_rows(history.publications, receipts.publisher, receipts.sequence)
    is_early = np.zeros(len(history.publications) + 1, dtype=bool)
    is_early[early] = True  # the last one stands for unknown publications, whose row is -1
    is_delivery = (sent_rows >= 0) & (receipts.kind == Kind.DELIVERY) & (receipts.intact == 1)
    received: Received = defaultdict(dict)
    _add(received, np.flatnonzero(is_delivery & is_early[sent_rows]), sent_rows, history)
    lacking = [
        subscriber * len(history.members) + publisher
        for subscriber, publisher in received
        if _missing(subscriber, publisher, received, early, history)
    ]
    if lacking:
        streams = receipts.subscriber.astype(np.int64) * len(history.members) + receipts.publisher
        _add(
            received, np.flatnonzero(is_delivery & ~is_early[sent_rows] & np.isin(streams, lacking)), sent_rows, history
        )
    return received


def _add(received: Received, rows: Ints, sent_rows: Ints, history: History) -> None:
    """Add the deliveries of these receipts. `sent_rows`: the row of each receipt's publication."""
    receipts = history.receipts
    for row in rows.tolist():
        received[int(receipts.subscriber[row]), int(receipts.publisher[row])].setdefault(int(sent_rows[row]), row)


def _missing(subscriber: int, publisher: int, received: Received, early: Ints, history: History) -> list[int]:
    """The rows of a publisher's publications that a member lacks although it received an older one."""
    member, mine = history.members[subscriber], received[subscriber, publisher]
    if publisher == subscriber or not (member.is_well_behaved and member.in_ns):
        return []
    sent = history.publications
    oldest = min(int(sent.sequence[row]) for row in mine)
    rows = early[sent.publisher[early] == publisher]
    rows = rows[(sent.sequence[rows] > oldest) & (sent.sent_ns[rows] < member.in_ns)]
    rows = rows[(sent.outcome[rows] == Outcome.OK) & (sent.sent_ns[rows] > 0)]
    return [row for row in rows.tolist() if row not in mine]


def _gaps_of(subscriber: int, publisher: int, received: Received, early: Ints, history: History) -> list[_Gap]:
    """The gaps of one member in the messages of one publisher, by sequence."""
    sent, mine, gaps = history.publications, received[subscriber, publisher], list[_Gap]()
    missing = _missing(subscriber, publisher, received, early, history)
    order = sorted(mine, key=lambda row: sent.sequence[row]) if missing else []
    for row in missing:
        is_between = sent.sequence[row] < sent.sequence[order[-1]]
        if is_between and _reached_others(row, publisher, history.members[subscriber], received, history):
            older = max((other for other in order if sent.sequence[other] < sent.sequence[row]), key=order.index)
            newer = next(other for other in order if sent.sequence[other] > sent.sequence[row])
            gaps.append(_Gap(subscriber, row, mine[older], mine[newer]))
    return gaps


def _reached_others(row: int, publisher: int, member: Member, received: Received, history: History) -> bool:
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
