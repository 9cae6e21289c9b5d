"""Causes of duplicated messages, as far as the history shows them."""

from __future__ import annotations

from wsproof.checks.describe import Describer
from wsproof.checks.same_name import namesakes
from wsproof.model.expected import Ints, publication_rows
from wsproof.model.history import History, Member

JOINING_NS = 1_000_000_000
"""Time after its connection in which a member may still be joining, in ns: a history may come from a slow database."""


def cause_of_repeats(history: History, again: Ints) -> str:
    """A sentence on why these receipts repeat others; empty if the history does not say.

    It says so only where the cause explains all of them.
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
    if all(_came_while_joining(member, history, again) for member in members):
        return (
            f" All of it was published while {_who(history, members)} joined, so the history that the server sends to "
            "a new member and the live messages overlap."
        )
    return ""


def _who(history: History, members: list[Member]) -> str:
    more = f" (as {len(members) - 1} other member(s))" if len(members) > 1 else ""
    return f"{Describer(history).who(members[0].number)}{more}"


def _came_while_joining(member: Member, history: History, again: Ints) -> bool:
    """Whether all these publications were sent while the member joined, and later ones came once."""
    sent, got = history.publications, history.receipts
    again = again[got.subscriber[again] == member.number]
    rows = publication_rows(sent, got.publisher[again], got.sequence[again])
    if (rows < 0).any():
        return False
    latest = int(sent.sent_ns[rows].max())
    heard = got.subscriber == member.number
    later = sent.sent_ns[publication_rows(sent, got.publisher[heard], got.sequence[heard])] > latest
    began = member.connected_ns - member.connect_ns
    others_talked = int(sent.sent_ns.min()) < began
    return others_talked and latest < member.connected_ns + JOINING_NS and bool(later.any())
