"""Checks that a member which comes back receives what it missed, if the channel promises that."""

from __future__ import annotations

import numpy as np

from wsproof.checks.check import channel_finding
from wsproof.checks.describe import Describer
from wsproof.model.contract import Audience, Contract, Resume
from wsproof.model.expected import Flags, Ints, received_rows, stayed_through
from wsproof.model.finding import Anomaly, Finding
from wsproof.model.history import History, Kind, Member, Outcome


def missed_while_away(history: History, contract: Contract) -> list[Finding]:
    """A member that comes back gets what was published in its room while it was away."""
    if contract.resume is Resume.NONE or contract.audience not in (Audience.EVERYONE, Audience.OTHERS):
        return []
    missing = [
        (member, row)
        for member in history.members
        if member.resumes >= 0 and member.is_well_behaved and member.in_ns and stayed_through(member, history)
        for row in _missing(member, history, contract).tolist()
    ]
    if not missing:
        return []
    describer, sent, (member, row) = Describer(history), history.publications, missing[0]
    publication = describer.what(int(sent.publisher[row]), int(sent.sequence[row]))
    count = sum(other is member for other, _ in missing)
    others = f" and {count - 1} more" if count > 1 else ""
    return [
        channel_finding(
            Anomaly.LOST,
            contract,
            f"{describer.who(member.number)} came back for {describer.who(member.resumes)}, and never received "
            f"{publication}{others}, published while it was away, which others received. The contract promises it: "
            f"{contract.resume.in_words}.",
            [
                describer.arrival(member.resumes),
                describer.publication(row),
                describer.arrival(member.number),
                f"        {describer.who(member.number)} never receives {publication}",
            ],
            occurrences=len(missing),
        )
    ]


def repeated_after_return(history: History, contract: Contract) -> list[Finding]:
    """A member that comes back receives no message again that it has reported as received."""
    if contract.resume is not Resume.SINCE_LAST:
        return []
    again = [
        (member, row)
        for member in history.members
        if member.resumes >= 0
        for row in np.flatnonzero(_had_before(member, history) & _received(history, member.number)).tolist()
    ]
    if not again:
        return []
    describer, sent, (member, row) = Describer(history), history.publications, again[0]
    publication = describer.what(int(sent.publisher[row]), int(sent.sequence[row]))
    count = sum(other is member for other, _ in again)
    others = f" and {count - 1} more" if count > 1 else ""
    return [
        channel_finding(
            Anomaly.DUPLICATED,
            contract,
            f"{describer.who(member.number)} came back for {describer.who(member.resumes)}, told the server its last "
            f"message, and received {publication}{others} again, which it had before. So the server seems to resend "
            "from that message on, or from an earlier one, and not from the one after it.",
            [
                describer.arrival(member.resumes),
                describer.publication(row),
                *(describer.receipt(each) for each in _receipts_of(history, row, (member.resumes, member.number))),
            ],
            occurrences=len(again),
        )
    ]


def _receipts_of(history: History, row: int, members: tuple[int, ...]) -> list[int]:
    """The rows of the receipts of a publication by these members."""
    sent, receipts = history.publications, history.receipts
    same = (
        (receipts.publisher == sent.publisher[row])
        & (receipts.sequence == sent.sequence[row])
        & (receipts.kind == Kind.DELIVERY)
    )
    rows: list[int] = np.flatnonzero(same & np.isin(receipts.subscriber, members)).tolist()
    return rows


def _missing(member: Member, history: History, contract: Contract) -> Ints:
    """The publications that neither this connection nor the one before received, and that others did."""
    sent, before = history.publications, history.members[member.resumes]
    had, has = _received(history, before.number), _received(history, member.number)
    newest_ns = int(sent.sent_ns[had].max(initial=before.in_ns))
    due = (sent.outcome == Outcome.OK) & (sent.sent_ns > newest_ns) & (sent.sent_ns < member.in_ns) & ~had & ~has
    due &= history.rooms_of(sent.publisher) == member.room
    if contract.audience is Audience.OTHERS:
        due &= (sent.publisher != member.number) & (sent.publisher != before.number)
    others = np.zeros(len(sent), bool)
    for other in history.members:
        if other.number not in (member.number, before.number) and other.room == member.room:
            others |= _received(history, other.number)
    return np.flatnonzero(due & others).astype(np.int64)


def _had_before(member: Member, history: History) -> Flags:
    """For each publication, whether the connection that this one came back for had received it by then.

    A server that has not noticed the end of the old connection yet may serve both for a while.
    """
    return _received(history, member.resumes, member.connected_ns - member.connect_ns)


def _received(history: History, number: int, before_ns: int | None = None) -> Flags:
    """For each publication, whether a member received it, before a time if one is given."""
    flags: Flags = np.zeros(len(history.publications), bool)
    flags[received_rows(history, number, before_ns)] = True
    return flags
