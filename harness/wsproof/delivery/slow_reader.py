"""A PAUSE step: a member stops reading while the others publish, and then reads again."""

from __future__ import annotations

from itertools import cycle

from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.member import PoolMember
from wsproof.delivery.schedule import Step
from wsproof.delivery.volume import go_on_beyond
from wsproof.model.envelope import body_of
from wsproof.net.clock import Deadline, now_ns

FILLING_MESSAGES = 80
"""Messages of `size_bytes` that fill the buffers of the kernel and of the server. All others are short."""
PAUSE_S = 4.0
"""Seconds for all messages of a pause. A slow server is sent fewer of them."""
CHUNK = 8
"""Messages in flight at once: fewer than any queue holds, so that members that read lose none."""


def pause(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Let a member stop reading, let the others publish `count` messages, and let it read again.

    The others have all messages before it reads again. The server may then send the member a new kind of message, for
    example that it left messages out. In that case the missing messages are not expected.
    """
    pool.settle()
    publishers = [other for other in pool.members if other.counts and other.can_send and other is not member]
    if pool.gave_up or not member.counts or not publishers:
        return
    other_messages = set(member.other_messages)
    member.client.stop_reading()
    member.paused_ns = now_ns()
    _publish(pool, publishers, step)
    member.client.resume_reading()
    member.resumed_ns = now_ns()
    _catch_up(pool)
    if pool.messages.versions.is_used or member.other_messages != other_messages:
        member.stalled = True
        member.outstanding.clear()


def _publish(pool: ClientPool, publishers: list[PoolMember], step: Step) -> None:
    """Let these members publish in turn, a few messages at a time, until all are published or time is up.

    The function ends early when a message is missing. A server that limits the rate now discards most of what follows.
    """
    deadline = Deadline.after(pool.setting.budget.at_most(PAUSE_S))
    for first in range(0, step.count, CHUNK):
        if deadline.passed:
            return
        for at, publisher in zip(range(first, min(first + CHUNK, step.count)), cycle(publishers), strict=False):
            if publisher.can_send:
                pool.publish(publisher, body_of(step.size_bytes) if at < FILLING_MESSAGES and step.size_bytes else "")
        if not pool.settle():
            go_on_beyond(pool, 0)
            return


def _catch_up(pool: ClientPool) -> None:
    """Wait until all members have all publications, as long as further ones arrive.

    A server that waits for its slowest member has delayed the others, which is the concern of `slow-reader-isolation`.
    """
    missing = -1
    while (left := sum(len(other.outstanding) for other in pool.members if other.lacks_messages)) and left != missing:
        missing = left
        pool.wait(lambda: not any(other.lacks_messages for other in pool.members))
    pool.gave_up = bool(left)
