"""Causes of lost messages, as far as the history shows them."""

from __future__ import annotations

from wsproof.checks.describe import WENT, Describer
from wsproof.checks.same_name import namesakes
from wsproof.model.expected import Ints
from wsproof.model.history import History, Member


def cause_of_loss(history: History, members: Ints, rows: Ints) -> str:
    """A sentence on why these pairs (member, publication row) are missing; empty if the history does not say.

    It says so only where the cause explains all of them.
    """
    sent = history.publications.sent_ns
    first_missing = {
        history.members[number]: int(sent[rows[members == number]].min()) for number in set(members.tolist())
    }
    removed = {member: _ended_before(member, history, missed) for member, missed in first_missing.items()}
    if removed and all(removed.values()):
        member, old = next((one, other) for one, other in removed.items() if other is not None)
        describer = Describer(history)
        return (
            f" {describer.who(old.number)}, another connection of the same name, {WENT[old.departure]} before that. "
            f"So the end of the old connection seems to have removed the new one, {describer.who(member.number)}, too."
        )
    if first_missing and all(_has_newer(member, history, missed) for member, missed in first_missing.items()):
        return (
            " A newer connection of the same name was open then. So the server seems to send to the latest connection "
            "of a name only, and leaves the older one open without a word."
        )
    return names_in_words(history)


def names_in_words(history: History) -> str:
    """A sentence on members with an unusual name; empty without one."""
    shaped = next((member for member in history.members if member.shape), None)
    return f" {Describer(history).who(shaped.number)} has a name {shaped.shape}." if shaped is not None else ""


def _ended_before(member: Member, history: History, missed_ns: int) -> Member | None:
    """An older connection of the member's name that ended before the member missed its first message."""
    old = (one for one in namesakes(member, history) if one.connected_ns < member.connected_ns)
    return next((one for one in old if 0 < one.left_ns < missed_ns), None)


def _has_newer(member: Member, history: History, missed_ns: int) -> bool:
    """Whether a newer connection of the member's name was open when the member missed its first message."""
    newer = (one for one in namesakes(member, history) if member.connected_ns < one.connected_ns < missed_ns)
    return any(not one.left_ns or one.left_ns > missed_ns for one in newer)
