"""Causes of lost messages, as far as the history shows them."""

from __future__ import annotations

import numpy as np

from wsproof.checks.departure_causes import loss_after_departure
from wsproof.checks.describe import WENT, Describer
from wsproof.checks.same_name import namesakes
from wsproof.model.contract import RateLimit
from wsproof.model.expected import Ints, publication_rows
from wsproof.model.history import History, Member
from wsproof.model.nanoseconds import NS

FEWEST_OF_A_MOMENT = 3
"""Fewest missing messages, and fewest received ones, whose distance in time explains the loss."""


def cause_of_loss(history: History, members: Ints, rows: Ints, limit: RateLimit | None = None) -> str:
    """A sentence on why these pairs (member, publication row) are missing; empty if the history does not say.

    It says so only where the cause explains all of them. `limit` is the limit of the contract on one member.
    """
    if limit is not None and (together := _counted_together(history, rows, limit)):
        return together
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
    if first_missing and all(0 < member.paused_ns <= missed for member, missed in first_missing.items()):
        return _of_a_pause(next(iter(first_missing)), history)
    if first_missing and all(member.joined_at_once for member in first_missing):
        return joined_at_once_in_words(history)
    if first_missing and all(_has_newer(member, history, missed) for member, missed in first_missing.items()):
        return (
            " A newer connection of the same name was open then. So the server seems to send to the latest connection "
            "of a name only, and leaves the older one open without a word."
        )
    if all(_is_of_its_own_name(*pair, history) for pair in zip(members.tolist(), rows.tolist(), strict=True)):
        return (
            " Both are connections of one name. So the server seems to leave out all connections of the publisher's "
            "name, and not only the one that published."
        )
    if early := _sent_at_once(history, rows):
        return early
    if apart := _too_close(history, rows):
        return apart
    return names_in_words(history) or loss_after_departure(history, members, rows)


def _is_of_its_own_name(number: int, row: int, history: History) -> bool:
    """Whether the publisher of a missing message is another connection of the member's name."""
    publisher = int(history.publications.publisher[row])
    return publisher != number and history.members[publisher].name == history.members[number].name


def _sent_at_once(history: History, rows: Ints) -> str:
    """A sentence on messages that are missing because their publishers sent them first of all; empty for others."""
    sent, got = history.publications, history.receipts
    missing = np.unique(rows)
    if (sent.sequence[missing] != 0).any():
        return ""
    publishers = sent.publisher[missing]
    if not all(((got.publisher == number) & (got.sequence > 0)).any() for number in publishers.tolist()):
        return ""
    since_ns = [
        int(at) - history.members[int(number)].connected_ns
        for at, number in zip(sent.sent_ns[missing], publishers, strict=True)
    ]
    return (
        f" Each missing message is the first one of its publisher, sent at most {max(since_ns) / 1e6:.1f} ms after the "
        "server had accepted the handshake, and later ones of the same publishers arrived. So the server seems to lose "
        "what comes before it is ready to read: a client may send from the 101 on (RFC 6455 4.1)."
    )


def _too_close(history: History, rows: Ints) -> str:
    """A sentence on messages that nobody has, where the time since the one before tells them from all others."""
    sent, got = history.publications, history.receipts
    known = publication_rows(sent, got.publisher, got.sequence)
    is_heard = np.zeros(len(sent), dtype=bool)
    is_heard[known[known >= 0]] = True
    missing = np.unique(rows)
    order = np.argsort(sent.sent_ns, kind="stable")
    since_ns = np.zeros(len(sent), np.int64)
    since_ns[order[1:]] = np.diff(sent.sent_ns[order])
    others = np.setdiff1d(np.flatnonzero(is_heard), order[:1])
    if min(len(missing), len(others)) < FEWEST_OF_A_MOMENT or is_heard[missing].any():
        return ""
    longest, shortest = int(since_ns[missing].max()), int(since_ns[others].min())
    if longest >= shortest:
        return ""
    return (
        f" Each missing message was sent at most {longest / 1e6:.1f} ms after another one, and each that was received "
        f"at least {shortest / 1e6:.1f} ms after. So the server seems to keep one of several messages of a moment: it "
        "may identify them by their time, or combine them (debounce)."
    )


def _counted_together(history: History, rows: Ints, limit: RateLimit) -> str:
    """A sentence on losses at which all members together were above the limit on one, and no member was."""
    sent, publisher = history.publications.sent_ns, history.publications.publisher
    most = 0
    for row in set(rows.tolist()):
        at = sent[row]
        recent = (sent > at - int(limit.window_s * NS)) & (sent <= at)
        together, own = int(recent.sum()), int((recent & (publisher == publisher[row])).sum())
        if own > limit.messages or together <= limit.messages:
            return ""
        most = max(most, together)
    return (
        f" All members together had published up to {most} messages within {limit.window_s:g} s, and none of them more "
        f"than the {limit.in_words} that the contract allows each. So the server seems to count the messages of all "
        "its clients together, or of all behind one address."
    )


def joined_at_once_in_words(history: History) -> str:
    """A sentence on members that joined in the same moment; empty without any."""
    count = sum(member.joined_at_once for member in history.members)
    if not count:
        return ""
    return (
        f" {count} members had joined in the same moment. So two joins at once seem to disturb each other: for "
        "example, both find no room and create one, and the second replaces the first."
    )


def _of_a_pause(member: Member, history: History) -> str:
    """A sentence on a member that had stopped reading for a while."""
    seconds = (member.resumed_ns - member.paused_ns) / NS
    return (
        f" {Describer(history).who(member.number)} had stopped reading for {seconds:.1f} s and then read on, and the "
        "others have these messages. So the server discards what does not fit into the queue of a slow member, and "
        "tells nobody. Close such a connection instead (code 1013), so that its client knows that it lacks something."
    )


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
