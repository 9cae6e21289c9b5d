"""The steps with high volume: streams at a rate that the server can take, bursts of several members, and crowds."""

from __future__ import annotations

from itertools import cycle, islice

from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.joining import let_all_in
from wsproof.delivery.member import PoolMember
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.model.envelope import body_of
from wsproof.model.history import Departure
from wsproof.model.suite import Figure
from wsproof.net.clock import Deadline, now_ns

STREAM_S = 2.5
"""Seconds that a stream may take."""
BURST_S = 3.0
"""Seconds that the server may need for a burst, at the rate that it had before. Larger bursts are left out."""
CROWD_S = 2.0
"""Seconds in which the members of a CROWD step may connect."""
BETTER = 1.2
"""Double the chunk if the rate has grown by this factor."""
LONGEST_CHUNK = 512
"""Maximum number of messages in flight in a stream."""
BEYOND = 400
"""Number of messages that are published after one was missing, to tell a rate limit from a loss."""
VOLUME = frozenset({Action.STREAM, Action.BURST, Action.CROWD, Action.PAUSE})
"""The actions with so much traffic, or so many members, that a server may enforce a limit."""


def has_volume(schedule: Schedule) -> bool:
    """Whether a schedule sends so many messages, or connects so many members, that a server may limit them."""
    return any(step.action in VOLUME for step in schedule)


def stream(pool: ClientPool, step: Step) -> None:
    """Publish `count` messages of all members in turn, in chunks that double while the server keeps up.

    The next chunk begins when everybody has the one before. It ends early when a message is missing or time is up.
    """
    deadline, published, chunk, best = Deadline.after(pool.setting.budget.at_most(STREAM_S)), 0, 1, 0.0
    while published < step.count and not deadline.passed:
        began = now_ns()
        sent = _say_in_turn(pool, min(chunk, step.count - published), step.size_bytes)
        pool.settle()
        published += sent
        if pool.gave_up:
            go_on_beyond(pool, step.size_bytes)
        if pool.gave_up or not sent:
            break
        rate = sent / max((now_ns() - began) / 1e9, 1e-6)
        if rate > BETTER * best and chunk < LONGEST_CHUNK:
            chunk *= 2
        best = max(best, rate)
    pool.rate = max(pool.rate, best)
    pool.measured["messages streamed"] = Figure("messages streamed", pool_total(pool, "messages streamed") + published)
    pool.measured["rate taken"] = Figure("rate taken", pool.rate, "/s")


def go_on_beyond(pool: ClientPool, size_bytes: int) -> None:
    """Publish many more messages at once, after one was missing.

    A server that limits the rate now discards most of them. Within the contract's limit none may be missing: there it
    publishes nothing.
    """
    if pool.pacer is not None:
        return
    _say_at_once(pool, BEYOND, size_bytes)
    pool.wait(lambda: False)


def pool_total(pool: ClientPool, name: str) -> float:
    """The value of a figure so far."""
    return pool.measured[name].value if name in pool.measured else 0.0


def burst(pool: ClientPool, step: Step) -> None:
    """Publish `count` messages of several members at once, and then wait for all of them.

    Each member writes all of its messages in one piece, so that the server has them before it delivers the first.
    A burst is left out if the server would need too long for it at the rate of the stream before.
    """
    if pool.gave_up or (pool.rate and step.count > pool.rate * BURST_S):
        return
    sent = _say_at_once(pool, step.count, step.size_bytes)
    if not pool.settle():
        go_on_beyond(pool, step.size_bytes)
    pool.measured["largest burst"] = Figure("largest burst", max(sent, pool_total(pool, "largest burst")))


def _say_in_turn(pool: ClientPool, count: int, size_bytes: int) -> int:
    """Let the members that can speak say `count` messages in turn. Returns how many were said."""
    published = 0
    for member in islice(cycle(_speakers(pool)), count):
        if member.can_send:
            pool.publish(member, body_of(size_bytes) if size_bytes else "")
            published += 1
    return published


def _say_at_once(pool: ClientPool, count: int, size_bytes: int) -> int:
    """Let the members that can speak say `count` messages, each member all of its own in one piece."""
    published = 0
    for member in islice(cycle(_speakers(pool)), count):
        if not pool.may_publish(member):
            continue
        message = pool.new_publication(member, body_of(size_bytes) if size_bytes else "")
        if isinstance(message, str | bytes):
            pool.put(member, message)
        else:
            pool.publish_outside(member, message)
        published += 1
    return published


def _speakers(pool: ClientPool) -> list[PoolMember]:
    return [member for member in pool.members if member.can_send and member.counts]


def join_many(pool: ClientPool, joined: dict[int, PoolMember], step: Step) -> None:
    """Let `count` more members join, until the server refuses one or time is up, and wait until they are subscribed."""
    deadline, new = Deadline.after(pool.setting.budget.at_most(CROWD_S)), list[PoolMember]()
    for number in range(step.member, step.member + step.count):
        if deadline.passed or pool.gave_up:
            break
        member = pool.join(room=step.room)
        joined[number] = member
        if not member.can_send:
            if member.conversation is not None and member.conversation.is_refused:
                # The room is full, and the server refuses the member after its handshake.
                member.departure, member.join_fault = Departure.REFUSED, ""
            break
        new.append(member)
    here = sum(member.can_send for member in pool.members)
    pool.measured["members at once"] = Figure("members at once", max(here, pool_total(pool, "members at once")))
    if pool.setting.workload.publishes and not pool.gave_up:
        let_all_in(pool, new)
