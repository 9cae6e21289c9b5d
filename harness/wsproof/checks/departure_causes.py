"""Losses that follow the departure of another member: what the server seems to do wrong there."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from wsproof.checks.describe import WENT, Describer
from wsproof.model.expected import Ints, received_rows
from wsproof.model.history import Departure, History, Member

OWN_WAYS = (Departure.CLOSED, Departure.FIN, Departure.RESET)
"""The ways in which a member leaves by itself."""


def loss_after_departure(history: History, members: Ints, rows: Ints) -> str:
    """A sentence on the departure after which these pairs (member, publication row) are missing; empty without one.

    It says so only if each pair is the first that the member should have received after a departure, or if nothing
    reached the member any more.
    """
    causes: list[Member] = []
    are_silent = []
    for number in sorted(set(members.tolist())):
        member, missed = history.members[number], np.sort(history.publications.sent_ns[rows[members == number]])
        heard = history.publications.sent_ns[received_rows(history, number)]
        for sent_ns in missed.tolist():
            cause = _last_departure(history, member, sent_ns)
            if cause is None or bool(((heard > cause.left_ns) & (heard < sent_ns)).any()):
                return ""
            causes.append(cause)
        are_silent.append(not bool((heard > causes[-len(missed)].left_ns).any()))
    if not causes:
        return ""
    describer, gone, first = Describer(history), causes[0], int(members[0])
    went = f"{describer.who(gone.number)} {_way(gone)} before that"
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
        f" {Describer(history).who(gone[0].number)} {_way(gone[0])} before that, and who was cut off has published "
        "since. So an error in a send to a connection that has ended seems to end the connection of the publisher."
    )


def _last_departure(history: History, member: Member, before_ns: int) -> Member | None:
    """The last other member of the room that left before this time, while `member` was already served."""
    gone = [
        one
        for one in history.members
        if one is not member
        and one.room == member.room
        and one.departure in OWN_WAYS
        and 0 < member.in_ns < one.left_ns < before_ns
    ]
    return max(gone, key=lambda one: one.left_ns, default=None)


def _way(member: Member) -> str:
    return f"had left by {member.went_by}" if member.went_by else f"had {WENT[member.departure]}"
