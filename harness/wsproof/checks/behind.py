"""Separates late messages from lost ones.

A member that was still receiving in order when the drain ended has not lost the messages that are missing then.
"""

from __future__ import annotations

import numpy as np

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import Describer
from wsproof.model.contract import Contract, Order
from wsproof.model.expected import Flags, Ints, expected_deliveries, publication_rows
from wsproof.model.finding import Anomaly, Finding, Level
from wsproof.model.history import History, Kind
from wsproof.model.partition import rows_where, slices

PAUSES = 2
"""A member has stopped receiving after a silence of more than this many times its longest pause in the drain."""


def behind(history: History, contract: Contract) -> list[Finding]:
    """When the drain ends, every member has received all expected messages."""
    members, rows = [], []
    for kind in (Kind.DELIVERY, Kind.REPLY):
        due = expected_deliveries(history, contract, kind)
        late = is_late(history, contract, kind, due.missing_member, due.missing_row)
        members.append(due.missing_member[late])
        rows.append(due.missing_row[late])
    member, row = np.concatenate(members), np.concatenate(rows)
    if not len(member):
        return []
    numbers, counts = np.unique(member, return_counts=True)
    most = int(numbers[np.argmax(counts)])
    describer, sent = Describer(history), history.publications
    oldest = int(row[member == most][np.argmin(sent.sent_ns[row[member == most]])])
    drain_s = (history.drained_ns - history.end_ns) / 1e9
    last = _last_receipt(history, most)
    return [
        channel_finding(
            Anomaly.BEHIND,
            contract,
            f"{len(numbers)} of {len(history.members)} members were behind when the drain ended, {drain_s:.1f} s after "
            f"the last publication: {describer.who(most)}, for example, by {counts.max()} message(s), replies included "
            f"({len(member)} in all). They were still receiving in order, so nothing shows that these are lost.",
            [
                describer.publication(oldest),
                *([describer.receipt(last)] if last is not None else []),
                f"{describer.when(history.drained_ns)}  the drain ends",
            ],
            level=Level.INFORMATIONAL,
            occurrences=len(member),
        )
    ]


def is_late(history: History, contract: Contract, kind: Kind, members: Ints, rows: Ints) -> Flags:
    """For missing pairs (member, publication row): whether the message may still arrive.

    It may if the member was still receiving when the drain ended and has no newer message of that publisher. If order
    is promised, a newer message proves that this one is lost. So does a wait that ended because nothing arrived any
    more.
    """
    receiving = still_receiving(history) if len(members) else set()
    sent = history.publications
    late: Flags = np.isin(members, list(receiving)) & (sent.sent_ns[rows] > history.silent_ns)
    if contract.order is Order.NONE or not late.any():
        return late
    newest = _newest(history, kind)
    for at in np.flatnonzero(late):
        late[at] = sent.sequence[rows[at]] > newest.get((int(members[at]), int(sent.publisher[rows[at]])), -1)
    return late


def still_receiving(history: History) -> set[int]:
    """The members that were still receiving when the drain ended.

    They received a message after the drain, or their last pause was short. Messages of other clients count: a server
    that still sends these may not have reached ours yet.
    """
    start, end, receipts = history.end_ns, history.drained_ns, history.receipts
    if not 0 < start < end:
        return set()
    rows = rows_where(receipts, lambda part: receipts.received_ns[part] > start)
    others = [member for member in history.members if member.others_ns > start]
    whose = np.append(receipts.subscriber[rows], [member.number for member in others]).astype(np.int64)
    times = np.append(receipts.received_ns[rows], [member.others_ns for member in others]).astype(np.int64)
    if not len(times):
        return set()
    order = np.lexsort((times, whose))
    numbers, firsts = np.unique(whose[order], return_index=True)
    receiving = set()
    for number, own in zip(numbers.tolist(), np.split(times[order], firsts[1:]), strict=True):
        pauses = np.diff(own, prepend=start)
        if own[-1] > end or end - own[-1] <= PAUSES * pauses.max():
            receiving.add(number)
    return receiving


def _newest(history: History, kind: Kind) -> dict[tuple[int, int], int]:
    """The highest sequence number that each member has received from each publisher."""
    receipts, newest = history.receipts, dict[tuple[int, int], int]()
    for part in slices(0, len(receipts)):
        chosen = (receipts.kind[part] == kind) & (receipts.intact[part] == 1)
        is_published = (
            publication_rows(history.publications, receipts.publisher[part][chosen], receipts.sequence[part][chosen])
            >= 0
        )
        pairs = np.stack(
            [receipts.subscriber[part][chosen][is_published], receipts.publisher[part][chosen][is_published]]
        )
        keys, places = np.unique(pairs, axis=1, return_inverse=True)
        highest = np.full(keys.shape[1], -1)
        np.maximum.at(highest, places.ravel(), receipts.sequence[part][chosen][is_published])
        for (member, publisher), sequence in zip(keys.T.tolist(), highest.tolist(), strict=True):
            newest[member, publisher] = max(sequence, newest.get((member, publisher), -1))
    return newest


def _last_receipt(history: History, member: int) -> int | None:
    """The row of a member's last receipt; None if it received nothing."""
    receipts = history.receipts
    rows = rows_where(receipts, lambda part: receipts.subscriber[part] == member)
    return int(rows[np.argmax(receipts.received_ns[rows])]) if len(rows) else None
