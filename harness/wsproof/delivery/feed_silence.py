"""The end of a schedule on a feed: is a viewer's silence the server's, or was the server stopped for a while?"""

from __future__ import annotations

from wsproof.checks.feed import silence_ns
from wsproof.delivery.member import PoolMember
from wsproof.delivery.member_loop import MemberLoop
from wsproof.model.nanoseconds import NS
from wsproof.net.clock import now_ns

STOPS = 3
"""Number of times that the server may turn out to have been stopped. After that, its silence counts."""


def wait_for_silent_viewers(loop: MemberLoop) -> None:
    """Give the feed of silent viewers the time to go on, if the server was stopped for some seconds.

    The feed has stopped if the server answers a ping of each silent viewer at once, and then sends one of them no
    object for as long as a stopped feed takes to be noticed.

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


def _silent_viewers(loop: MemberLoop, timeout_ns: int) -> list[PoolMember]:
    """The viewers whose feed must go on, and that have received no object for a while."""
    last_ns = {tick.subscriber: tick.received_ns for tick in loop.recorder.ticks}
    return [
        viewer
        for viewer in loop.members
        if viewer.here
        and not (viewer.closed or viewer.stalled or viewer.misbehaviour)
        and now_ns() - last_ns.get(viewer.number, viewer.connected_ns) > timeout_ns
    ]


def _stays_silent(loop: MemberLoop, silent: list[PoolMember], timeout_ns: int) -> bool:
    """Whether the server answers pings at once, and still sends no object to one of these viewers."""
    before = {viewer: viewer.ticks for viewer in silent}
    is_prompt = loop.answers_at_once(silent)

    def all_went_on() -> bool:
        return all(viewer.ticks > ticks or not viewer.here for viewer, ticks in before.items())

    return not loop.wait(all_went_on, timeout_ns / NS) and is_prompt
