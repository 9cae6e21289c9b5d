"""Pings at the end of a silent wait, which tell a server that has nothing to send from a paused one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wsproof.delivery.member import PoolMember
from wsproof.net.clock import Deadline
from wsproof.wire import Event, PongReceived

PAYLOAD = b"wsproof-silence"
PROMPT_S = 0.5
"""Seconds within which a running server on the same machine answers a ping, even if the machine is busy."""
PONG_TIMEOUT_S = 10.0
"""Seconds after which a server that answers no ping counts as one that ignores pings. Tested: pauses of 2 to 5 s."""
GRACE_S = 0.1
"""Seconds after the pongs for further messages: a process that continues after a pause reads all input at once."""
SLICE_S = 0.02


class PingProbe:
    """Tests whether a silent server has nothing to send: it answers pings at once, and sends nothing else.

    A process that is paused, swapped out or without CPU time for some seconds sends nothing to anybody, and delivers
    everything when it continues.
    """

    def __init__(self, members: Sequence[PoolMember], poll_once: Callable[[float], None]) -> None:
        self._members = members
        self._poll_once = poll_once
        self._missing: set[int] = set()
        self._others = 0
        """Number of other events since the pings."""
        self._is_ignored = False
        """Whether the server answers no pings. Then no more are sent."""

    def take(self, member: PoolMember, event: Event) -> None:
        """Note an event of a member."""
        if isinstance(event, PongReceived) and event.payload == PAYLOAD:
            self._missing.discard(member.number)
        else:
            self._others += 1

    def is_silent(self) -> bool:
        """Whether the server has nothing to send. False if it was or is paused, so that messages may still arrive.

        Raises:
            BudgetSpent: the run's time is over.
        """
        self._others = 0
        return self.is_prompt(self._members) and not self._others

    def is_prompt(self, members: Sequence[PoolMember]) -> bool:
        """Whether the server answers pings of those members that may ping at once. True if it answers none.

        Raises:
            BudgetSpent: the run's time is over.
        """
        pinged = [member for member in members if _may_ping(member)]
        if not pinged or self._is_ignored:
            return True
        self._missing = {member.number for member in pinged}
        for member in pinged:
            member.client.peer.send_ping(PAYLOAD)
        prompt, timeout = Deadline.after(PROMPT_S), Deadline.after(PONG_TIMEOUT_S)
        while self._is_missing(pinged) and not timeout.passed:
            self._poll_once(SLICE_S)
        if self._missing.issuperset(member.number for member in pinged):
            self._is_ignored = True
            return True
        was_prompt, grace = not prompt.passed, Deadline.after(GRACE_S)
        while not grace.passed:
            self._poll_once(SLICE_S)
        return was_prompt

    def _is_missing(self, pinged: Sequence[PoolMember]) -> bool:
        """Whether a member that is still connected lacks its pong."""
        return any(member.number in self._missing and member.is_connected and not member.closed for member in pinged)


def _may_ping(member: PoolMember) -> bool:
    """Whether a ping from this member cannot affect the schedule."""
    is_reading = not (member.stalled or member.is_paused)
    is_ordinary = not (member.misbehaviour or member.is_mid_frame or member.closed)
    return member.can_send and member.client.peer.may_send and is_reading and is_ordinary
