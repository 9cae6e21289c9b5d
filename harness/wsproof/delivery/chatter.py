"""Members that publish in turn, at short intervals, while another member joins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from wsproof.delivery.member import PoolMember
from wsproof.net.clock import now_ns

BEFORE = 12
"""Number of messages before the member joins: the server may keep them as history."""
BEFORE_NS = 4_000_000
"""Nanoseconds between these messages."""
MEANWHILE = 40
"""Number of messages from the join on. More would exceed a usual limit on the rate of a member."""
MEANWHILE_NS = 1_000_000
"""Nanoseconds between the first messages from the join on: shorter than most database queries."""
SLOWER_NS = 600_000
"""Nanoseconds by which each of these pauses is longer than the one before. Together they span half a second."""


@dataclass
class Chatter:
    """Calls `speak` for each talker in turn whenever the next message is due.

    BEFORE messages are published at first, and another MEANWHILE messages after `joins` was called.
    """

    talkers: list[PoolMember]
    speak: Callable[[PoolMember, str], None]
    may_speak: Callable[[PoolMember], bool] = lambda member: True
    said: int = 0
    _join_begun: bool = field(default=False, init=False)
    _next_ns: int = field(default=0, init=False)

    def joins(self) -> None:
        """Begin with the messages that are published while a member joins."""
        self._join_begun, self.said, self._next_ns = True, 0, 0

    @property
    def is_done(self) -> bool:
        """Whether all messages before the join have been published; from the join on, whether all later ones have."""
        return self.said >= (MEANWHILE if self._join_begun else BEFORE) or not any(p.can_speak for p in self.talkers)

    @property
    def wait_s(self) -> float:
        """Seconds until the next message is due."""
        return max(0.0, (self._next_ns - now_ns()) / 1e9)

    def talk(self) -> None:
        """Publish the next message if it is due."""
        if self.is_done or now_ns() < self._next_ns:
            return
        self._next_ns = now_ns() + (MEANWHILE_NS + self.said * SLOWER_NS if self._join_begun else BEFORE_NS)
        member = self.talkers[self.said % len(self.talkers)]
        if member.can_speak and not self.may_speak(member):
            return  # the rate limit of the contract
        self.said += 1
        if member.can_speak:
            self.speak(member, f"meanwhile {self.said}")
