"""Causes of lost messages, as far as the history shows them."""

from __future__ import annotations

import numpy as np

from wsproof.checks.departure_causes import loss_after_departure
from wsproof.checks.describe import DEPARTURES, Describer
from wsproof.checks.same_name import namesakes
from wsproof.model.contract import RateLimit
from wsproof.model.expected import Ints, publication_rows
from wsproof.model.history import History, Member
from wsproof.model.nanoseconds import NS

FEWEST_CLOSE_TOGETHER = 3
"""Fewest missing messages, and fewest received ones, for their distances in time to explain the loss."""


def cause_of_loss(history: History, members: Ints, rows: Ints, limit: RateLimit | None = None) -> str:
    """A sentence on why these pairs (member, publication row) are missing; empty if the history does not say.

    A cause is reported only if it explains all of them. `limit` is the limit of the contract on one member.
    """
    if limit is not None and (together := _counted_together(history, rows, limit)):
        return together
    sent = history.publications.sent_ns
    first_missing = {
        history.members[number]: int(sent[rows[members == number]].min()) for number in set(members.tolist())
    }
    removed = {member: _ended_before(member, history, missed) for member, missed in first_missing.items()}
    if removed and all(removed.values()):
        member, old = next((new, old) for new, old in removed.items() if old is not None)
        describer = Describer(history)
        return (
            f" {describer.who(old.number)}, another connection of the same name, {DEPARTURES[old.departure]} before "
            "that. So the end of the old connection seems to have removed the new one, "
            f"{describer.who(member.number)}, too."
        )
    if first_missing and all(0 < member.paused_ns <= missed for member, missed in first_missing.items()):
        return _pause_in_words(next(iter(first_missing)), history)
    if first_missing and all(member.joined_at_once for member in first_missing):
        return joined_at_once_in_words(history)
    if first_missing and all(_has_newer(member, history, missed) for member, missed in first_missing.items()):
        return (
            " A newer connection of the same name was open then. So the server seems to send to the latest connection "
            "of a name only, and does not close the older one."
        )
    if all(_is_of_its_own_name(*pair, history) for pair in zip(members.tolist(), rows.tolist(), strict=True)):
        return (
            " Both are connections of one name. So the server seems to leave out all connections of the publisher's "
            "name, and not only the one that published."
        )
    if early := _sent_at_once(history, rows):
        return early
    if close := _too_close(history, rows):
        return close
    return names_in_words(history) or loss_after_departure(history, members, rows)


def _is_of_its_own_name(number: int, row: int, history: History) -> bool:
    """Whether the publisher of a missing message is another connection of the member's name."""
    publisher = int(history.publications.publisher[row])
    return publisher != number and history.members[publisher].name == history.members[number].name


def _sent_at_once(history: History, rows: Ints) -> str:
    """A sentence on messages that are missing because their publishers sent them first of all; empty for others."""
    sent, receipts = history.publications, history.receipts
    missing = np.unique(rows)
    if (sent.sequence[missing] != 0).any():
        return ""
    publishers = sent.publisher[missing]
    if not all(((receipts.publisher == number) & (receipts.sequence > 0)).any() for number in publishers.tolist()):
        return ""
    since_ns = [
        int(at) - history.members[int(number)].connected_ns
        for at, number in zip(sent.sent_ns[missing], publishers, strict=True)
    ]
    return (
        f" Each missing message is the first one of its publisher, sent at most {max(since_ns) / 1e6:.1f} ms after the "
        "server had accepted the handshake, and later ones of the same publishers arrived. So the server seems to lose "
        "messages that arrive before it is ready to read. A client may send after the 101 (RFC 6455 4.1)."
    )


def _too_close(history: History, rows: Ints) -> str:
    """A sentence on messages that nobody received, if all were sent sooner after another one than all others."""
    sent, receipts = history.publications, history.receipts
    sent_rows = publication_rows(sent, receipts.publisher, receipts.sequence)
    is_received = np.zeros(len(sent), dtype=bool)
    is_received[sent_rows[sent_rows >= 0]] = True
    missing = np.unique(rows)
    order = np.argsort(sent.sent_ns, kind="stable")
    since_ns = np.zeros(len(sent), np.int64)
    since_ns[order[1:]] = np.diff(sent.sent_ns[order])
    others = np.setdiff1d(np.flatnonzero(is_received), order[:1])
    if min(len(missing), len(others)) < FEWEST_CLOSE_TOGETHER or is_received[missing].any():
        return ""
    longest, shortest = int(since_ns[missing].max()), int(since_ns[others].min())
    if longest >= shortest:
        return ""
    return (
        f" Each missing message was sent at most {longest / 1e6:.1f} ms after another one, and each that was received "
        f"at least {shortest / 1e6:.1f} ms after. So the server seems to keep only one of several messages in a short "
        "time: it may identify them by their time, or combine them (debounce)."
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
    """A sentence on members that joined at the same moment; empty without any."""
    count = sum(member.joined_at_once for member in history.members)
    if not count:
        return ""
    return (
        f" {count} members had joined at the same moment. So concurrent joins seem to race: for example, both find no "
        "room and create one, and the second replaces the first."
    )


def _pause_in_words(member: Member, history: History) -> str:
    """A sentence on a member that had stopped reading for a while."""
    seconds = (member.resumed_ns - member.paused_ns) / NS
    return (
        f" {Describer(history).who(member.number)} had stopped reading for {seconds:.1f} s and then continued, and the "
        "others received these messages. So the server silently discards messages that do not fit into the queue of a "
        "slow member. Close such a connection instead (code 1013), so that its client knows that messages are missing."
    )


def names_in_words(history: History) -> str:
    """A sentence on members with an unusual name; empty without one."""
    shaped = next((member for member in history.members if member.shape), None)
    return f" {Describer(history).who(shaped.number)} has a name {shaped.shape}." if shaped is not None else ""


def _ended_before(member: Member, history: History, missed_ns: int) -> Member | None:
    """An older connection of the member's name that ended before the member missed its first message."""
    older = (other for other in namesakes(member, history) if other.connected_ns < member.connected_ns)
    return next((other for other in older if 0 < other.left_ns < missed_ns), None)


def _has_newer(member: Member, history: History, missed_ns: int) -> bool:
    """Whether a newer connection of the member's name was open when the member missed its first message."""
    newer = (other for other in namesakes(member, history) if member.connected_ns < other.connected_ns < missed_ns)
    return any(not other.left_ns or other.left_ns > missed_ns for other in newer)
