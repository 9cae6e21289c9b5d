"""Computes the recovery of a channel, after its server has ended connections, from its history."""

from __future__ import annotations

from statistics import median

import numpy as np

from wsproof.model.history import Departure, History, Kind, Member
from wsproof.model.load_summary import Recovery


def recovery_of(history: History) -> Recovery | None:
    """The recovery of users whose connections the server had ended. None if it ended none, or no user comes back."""
    successors = {member.replaces: member for member in history.members if member.replaces >= 0}
    if not successors:
        return None
    ended = [member for member in history.members if member.in_ns and member.departure is Departure.DROPPED]
    if not ended:
        return None
    durations_ns = [
        returned_ns - member.left_ns for member in ended if (returned_ns := _returned_ns(member, successors))
    ]
    return Recovery(
        ended=len(ended),
        returned=len(durations_ns),
        median_ns=int(median(durations_ns)) if durations_ns else 0,
        longest_ns=max(durations_ns, default=0),
        silent_ns=_longest_silence_ns(history),
    )


def users_cut_off(history: History) -> int:
    """The number of users that the server disconnected in the window, and that have not come back."""
    successors = {member.replaces: member for member in history.members if member.replaces >= 0}
    ended = [member for member in history.members if member.departure is Departure.DROPPED and member.is_well_behaved]
    return sum(1 for member in ended if member.left_ns < history.end_ns and not _returned_ns(member, successors))


def _returned_ns(member: Member, successors: dict[int, Member]) -> int:
    """The time at which the user of a member received messages again; 0 if it never did."""
    successor = successors.get(member.number)
    while successor is not None and not successor.in_ns:
        successor = successors.get(successor.number)
    return 0 if successor is None else successor.in_ns


def _longest_silence_ns(history: History) -> int:
    """The longest time in the window without a delivery, of those in which a publication was due."""
    receipts = history.receipts
    at_ns = receipts.received_ns[(receipts.kind == Kind.DELIVERY) & (receipts.intact == 1)]
    at_ns = at_ns[(at_ns > history.start_ns) & (at_ns < history.end_ns)]
    edges = np.concatenate([[history.start_ns], np.sort(at_ns), [history.end_ns]])
    due_ns = np.sort(history.publications.intended_ns)
    has_due = np.searchsorted(due_ns, edges[1:]) > np.searchsorted(due_ns, edges[:-1], side="right")
    return int(np.diff(edges)[has_due].max(initial=0))
