"""Members that publish in turn, at short intervals, while another member joins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from wsproof.delivery.member import PoolMember
from wsproof.net.clock import now_ns

BEFORE = 12
"""Number of messages before the member joins: the server may keep them as history."""
BEFORE_GAP_NS = 4_000_000
"""Nanoseconds between these messages."""
WHILE_JOINING = 40
"""Number of messages from the join on. More would exceed a usual limit on the rate of a member."""
FIRST_GAP_NS = 1_000_000
"""Nanoseconds between the first messages from the join on: shorter than most database queries."""
LONGER_BY_NS = 600_000
"""Nanoseconds by which each of these pauses is longer than the one before. Together they span half a second."""


@dataclass
class BackgroundPublishers:
    """Calls `publish` for each publisher in turn whenever the next message is due.

    BEFORE messages are published at first, and another WHILE_JOINING messages after `joins` was called.
    """

    publishers: list[PoolMember]
    publish: Callable[[PoolMember, str], None]
    may_publish: Callable[[PoolMember], bool] = lambda member: True
    published: int = 0
    _join_begun: bool = field(default=False, init=False)
    _next_ns: int = field(default=0, init=False)

    def joins(self) -> None:
        """Start the messages that are published while a member joins."""
        self._join_begun, self.published, self._next_ns = True, 0, 0

    @property
    def is_done(self) -> bool:
        """Whether all messages of the current part (before the join, or from the join on) have been published."""
        return self.published >= (WHILE_JOINING if self._join_begun else BEFORE) or not any(
            p.can_send for p in self.publishers
        )

    @property
    def wait_s(self) -> float:
        """Seconds until the next message is due."""
        return max(0.0, (self._next_ns - now_ns()) / 1e9)

    def publish_due(self) -> None:
        """Publish the next message if it is due."""
        if self.is_done or now_ns() < self._next_ns:
            return
        self._next_ns = now_ns() + (FIRST_GAP_NS + self.published * LONGER_BY_NS if self._join_begun else BEFORE_GAP_NS)
        member = self.publishers[self.published % len(self.publishers)]
        if member.can_send and not self.may_publish(member):
            return  # the rate limit of the contract
        self.published += 1
        if member.can_send:
            self.publish(member, f"meanwhile {self.published}")
