"""Repeated receipts of a publication, and their causes as far as the history shows them."""

from __future__ import annotations

import numpy as np

from wsproof.checks.describe import Describer
from wsproof.checks.same_name import namesakes
from wsproof.checks.stable_order import stable_order
from wsproof.model.expected import Flags, Ints, publication_rows
from wsproof.model.history import History, Member, Receipts
from wsproof.model.partition import groups


def _by_key(receipts: Receipts, rows: Ints) -> tuple[Ints, Flags]:
    """The intact receipts among all rows of some members, sorted by key, and a flag per row.

    Receipts with the same key are adjacent, in order of arrival. The flag is true if a row has the key of the row
    before.
    """
    rows = rows[receipts.intact[rows] == 1]
    order, same = stable_order(
        [column[rows] for column in (receipts.subscriber, receipts.kind, receipts.publisher, receipts.sequence)]
    )
    return rows[order], same


def repeats(receipts: Receipts) -> tuple[Ints, Ints]:
    """Pairs of rows: an intact receipt, and the next receipt of the same publication by the same subscriber."""
    before, again = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for group in groups(receipts):
        rows, same = _by_key(receipts, group)
        at = np.flatnonzero(same)
        before.append(rows[at - 1])
        again.append(rows[at])
    return np.concatenate(before), np.concatenate(again)


def first_receipts(receipts: Receipts, rows: Ints) -> Ints:
    """The intact receipts without repeats among all rows of some members.

    Sorted by member, kind, publisher and sequence number.
    """
    rows, same = _by_key(receipts, rows)
    return rows[~same]


JOINING_NS = 1_000_000_000
"""Time in ns after its connection in which a member may still be joining: a history may come from a slow database."""


def cause_of_repeats(history: History, again: Ints) -> str:
    """A sentence on why these receipts repeat others; empty if the history does not say.

    A cause is reported only if it explains all of them.
    """
    members = [history.members[number] for number in sorted(set(history.receipts.subscriber[again].tolist()))]
    if all(member.greeted_again_ns for member in members):
        return (
            f" {_who(history, members)} had sent its greeting a second time, so the server counts each subscription of "
            "one connection and sends once for each."
        )
    if all(any(namesakes(member, history)) for member in members):
        return (
            f" {_who(history, members)} is one of several connections of one name that were open at once, so the "
            "server sends to every connection of a name once for each of them."
        )
    if all(_were_sent_while_joining(member, history, again) for member in members):
        return (
            f" All of it was published while {_who(history, members)} joined, so the history that the server sends to "
            "a new member and the live messages overlap."
        )
    return ""


def _who(history: History, members: list[Member]) -> str:
    more = f" (as {len(members) - 1} other member(s))" if len(members) > 1 else ""
    return f"{Describer(history).who(members[0].number)}{more}"


def _were_sent_while_joining(member: Member, history: History, again: Ints) -> bool:
    """Whether all these publications were sent while the member joined, and later ones came once."""
    sent, receipts = history.publications, history.receipts
    again = again[receipts.subscriber[again] == member.number]
    rows = publication_rows(sent, receipts.publisher[again], receipts.sequence[again])
    if (rows < 0).any():
        return False
    latest = int(sent.sent_ns[rows].max())
    own = receipts.subscriber == member.number
    later = sent.sent_ns[publication_rows(sent, receipts.publisher[own], receipts.sequence[own])] > latest
    began = member.connected_ns - member.connect_ns
    others_published = int(sent.sent_ns.min()) < began
    return others_published and latest < member.connected_ns + JOINING_NS and bool(later.any())
