"""Losses after the departure of another member, and the likely fault of the server."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from wsproof.checks.describe import DEPARTURES, Describer
from wsproof.model.expected import Ints, received_rows
from wsproof.model.history import History, Member


def loss_after_departure(history: History, members: Ints, rows: Ints) -> str:
    """A sentence on the departure after which these pairs (member, publication row) are missing; empty without one.

    A departure is reported only if each pair is the first that the member should have received after it, or if nothing
    reached the member any more.
    """
    causes: list[Member] = []
    are_silent = []
    for number in sorted(set(members.tolist())):
        member, missed = history.members[number], np.sort(history.publications.sent_ns[rows[members == number]])
        received_sent_ns = history.publications.sent_ns[received_rows(history, number)]
        for sent_ns in missed.tolist():
            cause = _last_departure(history, member, sent_ns)
            if cause is None or bool(((received_sent_ns > cause.left_ns) & (received_sent_ns < sent_ns)).any()):
                return ""
            causes.append(cause)
        are_silent.append(not bool((received_sent_ns > causes[-len(missed)].left_ns).any()))
    if not causes:
        return ""
    describer, gone, first = Describer(history), causes[0], int(members[0])
    went = f"{describer.who(gone.number)} {_departure_in_words(gone)} before that"
    if all(are_silent):
        return (
            f" {went}, and nothing that was sent later reached {describer.who(first)}. So the end of one connection "
            "seems to end the delivery to others."
        )
    return (
        f" {went}, and later messages arrived again. So the first send to a connection that has ended seems to keep "
        "the message from members that the server has not served yet."
    )


def cut_after_departure(history: History, cut: Iterable[Member]) -> str:
    """A sentence on the departure after which the server ended the connections of publishers; empty without one."""
    sent, gone = history.publications, list[Member]()
    for member in cut:
        cause = _last_departure(history, member, member.left_ns)
        own = sent.sent_ns[sent.publisher == member.number]
        if cause is None or not bool(((own > cause.left_ns) & (own < member.left_ns)).any()):
            return ""
        gone.append(cause)
    if not gone:
        return ""
    return (
        f" {Describer(history).who(gone[0].number)} {_departure_in_words(gone[0])} before that, and the disconnected "
        "member has published since. So an error while the server sends to the room seems to end the connection of the "
        "publisher: a send to a connection that has ended, or a loop over members that have changed meanwhile."
    )


def _last_departure(history: History, member: Member, before_ns: int) -> Member | None:
    """The last other member of the room that left before this time, while `member` was already served."""
    gone = [
        other
        for other in history.members
        if other is not member
        and other.room == member.room
        and other.departure.is_own
        and 0 < member.in_ns < other.left_ns < before_ns
    ]
    return max(gone, key=lambda other: other.left_ns, default=None)


def _departure_in_words(member: Member) -> str:
    return f"had left by {member.left_by}" if member.left_by else f"had {DEPARTURES[member.departure]}"
