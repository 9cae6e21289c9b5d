"""Recognises a server that ends silent connections by a rule of its own, which breaks no promise.

Many servers end a connection that has sent nothing for a while, or that has not answered a heartbeat of the application
(`2` in Engine.IO). A member whose workload neither answers nor sends heartbeats must expect that. No promise of the
channel is broken, and it is unknown what the member would have received.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from wsproof.checks.describe import shortened
from wsproof.model.history import Departure, History, Member
from wsproof.model.nanoseconds import NS

SHORTEST_S = 0.5
"""Shortest time limit in seconds that is plausible as a rule. Shorter connections end for other reasons."""
TOLERANCE = 0.1
"""Largest spread of the limit, as a share of it: servers look for silent connections every few seconds."""
TOLERANCE_S = 0.25
"""The spread in seconds that is always allowed."""
MIN_SHARE = 0.75
"""Share of the ended connections that must have ended at the limit."""
MIN_FACTOR = 3.0
"""Factor by which the times of the ends must differ more than the limits, for the limits to be the cause."""

MIN_APART_S = 0.05
"""Shortest time in seconds between the first and the last end that shows a limit. A client may notice the ends of one
crash some milliseconds apart."""


@dataclass(frozen=True)
class TimeLimit:
    """The time after which a server ends connections, and from when it counts."""

    seconds: float
    is_of_silence: bool
    """Counted from the last message that the member sent; else from the start of its connection."""

    def in_words(self, history: History) -> str:
        """The server's behaviour, as a clause."""
        since = "since the member last sent anything" if self.is_of_silence else "since the connection began"
        answers = (
            f" or do not answer its messages, such as {shortened(history.shortest_ignored_text, 60)}"
            if history.ignored
            else ""
        )
        return f"it ends connections that stay silent{answers}, {self.seconds:.3g} s {since}"


def time_limit(history: History, cut: list[Member]) -> TimeLimit | None:
    """The limit by which the server ended all of these connections; None if there is no such limit.

    There is one only if the connections ended at different times and all at the same age, or all after the same
    silence, and if no other member lasted longer. A server that ends all at once, as in a crash, has no limit. Ends at
    one time count if each had a close frame and the members left messages of the server unanswered.
    """
    if history.keeps_alive or len(cut) < 2:
        return None
    ends = np.array([member.left_ns for member in cut]) / NS
    for is_of_silence in (True, False):
        spans = np.array([_span_s(history, member, member.left_ns, is_of_silence) for member in cut])
        limit_s = float(np.median(spans))
        margin_s = max(TOLERANCE * limit_s, TOLERANCE_S)
        alike = np.abs(spans - limit_s) <= margin_s
        # A member that sent something may last longer than the others; one that ends sooner ends for another reason.
        if limit_s < SHORTEST_S or alike.mean() < MIN_SHARE or (spans < limit_s - margin_s).any():
            continue
        spread_s, ends_apart_s = float(np.ptp(spans[alike])), float(np.ptp(ends[alike]))
        stayed = [m for m in history.members if m.departure is Departure.STAYED and m.connected_ns]
        until_ns = history.drained_ns or history.end_ns
        lasted_s = max((_longest_s(history, m, until_ns, is_of_silence) for m in stayed), default=0.0)
        apart = ends_apart_s > max(MIN_FACTOR * spread_s, MIN_APART_S) or (is_of_silence and bool(stayed))
        unanswered = bool(history.ignored) and all(member.close_code is not None for member in cut)
        if (apart or unanswered) and lasted_s <= limit_s + margin_s:
            return TimeLimit(limit_s, is_of_silence)
    return None


def _span_s(history: History, member: Member, until_ns: int, is_of_silence: bool) -> float:
    """Seconds from the start of the connection, or from the last message that the member sent, until `until_ns`."""
    since_ns = member.connected_ns
    if is_of_silence:
        sent = _sent(history, member)
        since_ns = max(since_ns, int(sent[sent <= until_ns].max(initial=0)))
    return (until_ns - since_ns) / NS


def _longest_s(history: History, member: Member, until_ns: int, is_of_silence: bool) -> float:
    """The longest silence of a member that stayed, or the age of its connection, in seconds."""
    if not is_of_silence:
        return (until_ns - member.connected_ns) / NS
    sent = np.sort(_sent(history, member))
    times = np.array([member.connected_ns, *sent[sent > member.connected_ns], until_ns])
    return float(np.diff(times).max() / NS)


def _sent(history: History, member: Member) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    publications = history.publications
    sent: np.ndarray[tuple[int], np.dtype[np.int64]] = publications.sent_ns[
        (publications.publisher == member.number) & (publications.sent_ns > 0)
    ]
    return sent
