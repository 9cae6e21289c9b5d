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
"""Messages that are on their way at once: fewer than any queue holds, so that those who read lose none."""


def pause(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Let a member stop reading, let the others publish `count` messages, and let it read again.

    The others have all messages before it reads again. Then the server may send the member a new kind of message that
    is no publication, perhaps to announce that it left messages out. In that case, the missing messages are not
    expected.
    """
    pool.settle()
    talkers = [one for one in pool.members if one.counts and one.can_speak and one is not member]
    if pool.gave_up or not member.counts or not talkers:
        return
    asides = set(member.asides)
    member.client.stop_reading()
    member.paused_ns = now_ns()
    _publish(pool, talkers, step)
    member.client.resume_reading()
    member.resumed_ns = now_ns()
    _catch_up(pool)
    if pool.messages.versions.is_used or member.asides != asides:
        member.stalled = True
        member.outstanding.clear()


def _publish(pool: ClientPool, talkers: list[PoolMember], step: Step) -> None:
    """Let these members publish in turn, a few messages at a time, until all is said or time is up.

    It ends early when a message is missing. A server that limits the rate now discards most of what follows.
    """
    deadline = Deadline.after(pool.setting.budget.at_most(PAUSE_S))
    for first in range(0, step.count, CHUNK):
        if deadline.passed:
            return
        for at, talker in zip(range(first, min(first + CHUNK, step.count)), cycle(talkers), strict=False):
            if talker.can_speak:
                pool.speak(talker, body_of(step.size_bytes) if at < FILLING_MESSAGES and step.size_bytes else "")
        if not pool.settle():
            go_on_beyond(pool, 0)
            return


def _catch_up(pool: ClientPool) -> None:
    """Wait until everybody has all that was published, as long as something still comes.

    A server that waits for its slowest member has delayed the others, which is the concern of `slow-reader-isolation`.
    """
    missing = -1
    while (left := sum(len(one.outstanding) for one in pool.members if one.lacks_messages)) and left != missing:
        missing = left
        pool.wait(lambda: not any(one.lacks_messages for one in pool.members))
    pool.gave_up = bool(left)
