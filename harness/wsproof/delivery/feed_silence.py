"""Waits for the objects of a feed, which tell a feed that has stopped from a server that was paused for a while."""

from __future__ import annotations

from wsproof.checks.feed import silence_ns
from wsproof.delivery.member import PoolMember
from wsproof.delivery.member_loop import MemberLoop
from wsproof.model.nanoseconds import NS
from wsproof.net.clock import now_ns

STOPS = 3
"""Number of times that a paused server gets more time. After that, its silence counts."""


def watch_feed(loop: MemberLoop, count: int) -> None:
    """Wait until every viewer has received `count` more objects, or until one viewer's feed has stopped.

    Raises:
        BudgetSpent: the run's time is over.
    """
    feed = loop.contract.feed
    if feed is None:
        return
    timeout_ns = silence_ns(feed) + NS // 10
    viewers = _viewers(loop)
    targets = {viewer.number: viewer.ticks + count for viewer in viewers}
    progress = {viewer.number: (viewer.ticks, now_ns()) for viewer in viewers}

    def is_over() -> bool:
        for viewer in viewers:
            if viewer.ticks != progress[viewer.number][0]:
                progress[viewer.number] = (viewer.ticks, now_ns())
            if viewer.is_connected and now_ns() - progress[viewer.number][1] > timeout_ns:
                loop.gave_up = True
                return True
        return all(viewer.ticks >= targets[viewer.number] or not viewer.is_connected for viewer in viewers)

    loop.wait(is_over, count * (timeout_ns / NS) + 1)


def wait_for_silent_viewers(loop: MemberLoop) -> None:
    """Wait for silent viewers at the end of a schedule, because the server may have been paused for some seconds.

    The feed has stopped if the server answers a ping of each silent viewer at once, and then sends one of them no
    object for the whole timeout.

    Raises:
        BudgetSpent: the run's time is over.
    """
    feed = loop.contract.feed
    if feed is None:
        return
    timeout_ns = silence_ns(feed)
    for _ in range(STOPS):
        silent = _silent_viewers(loop, timeout_ns)
        if not silent or _stays_silent(loop, silent, timeout_ns):
            return


def _viewers(loop: MemberLoop) -> list[PoolMember]:
    """The members whose feed must go on."""
    return [
        member
        for member in loop.members
        if member.is_connected and not (member.closed or member.stalled or member.misbehaviour)
    ]


def _silent_viewers(loop: MemberLoop, timeout_ns: int) -> list[PoolMember]:
    """The viewers that have received no object for this time."""
    last_ns = {tick.subscriber: tick.received_ns for tick in loop.recorder.ticks}
    return [
        viewer for viewer in _viewers(loop) if now_ns() - last_ns.get(viewer.number, viewer.connected_ns) > timeout_ns
    ]


def _stays_silent(loop: MemberLoop, silent: list[PoolMember], timeout_ns: int) -> bool:
    """Whether the server answers pings at once, and still sends no object to one of these viewers."""
    before = {viewer: viewer.ticks for viewer in silent}
    is_prompt = loop.answers_at_once(silent)

    def all_went_on() -> bool:
        return all(viewer.ticks > ticks or not viewer.is_connected for viewer, ticks in before.items())

    return not loop.wait(all_went_on, timeout_ns / NS) and is_prompt
