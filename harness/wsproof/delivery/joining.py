"""The steps that let members join: connect each, and wait until the server delivers messages to it."""

from __future__ import annotations

from wsproof.delivery.background_publishers import BackgroundPublishers
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.credentials import Access, can_try, credentials_of, origin_matters
from wsproof.delivery.member import PoolMember
from wsproof.delivery.pool_settings import GIVEN_UP_S
from wsproof.delivery.schedule import Step
from wsproof.errors import TargetError
from wsproof.model.contract import Audience
from wsproof.model.history import SILENCE, Departure
from wsproof.net.clock import Deadline

SHAPED_JOINS_S = 1.0
"""Seconds that a member with an unusual name may take until its first receipt."""
PROBE_S = 0.25
"""Seconds between two probe messages while a new member waits for its first receipt."""
AGAIN_S = 1.0
"""Timeout in seconds for the second message of a new member, if the first one should have sufficed."""
CROWD_PROBE_S = 0.5
"""Seconds of silence after which new members that have received nothing publish. Each next wait is twice as long."""
BUSY = 8
"""A wait for many new members takes at most this multiple of its silence, while messages still arrive."""


def join(pool: ClientPool, joined: dict[int, PoolMember], step: Step) -> None:
    """Connect a member and wait until the server delivers messages to it."""
    if step.member in joined:
        return
    earlier = joined.get(step.rejoin_as) if step.rejoin_as is not None else None
    if step.access is not None:
        _intrude(pool, joined, step, step.access)
        return
    if step.silent:
        joined[step.member] = pool.join_silently(step.room)
        return
    if step.amid:
        joined[step.member] = _join_amid(pool, earlier, step)
        return
    try:
        member = pool.join(
            earlier, room=step.room, has_small_buffer=step.has_small_buffer, shape=step.shape, resumes=step.resumes
        )
    except TargetError:
        if not any(member_of_pool.misbehaviour == SILENCE for member_of_pool in pool.members):
            raise
        pool.setting.budget.check()  # if the budget left too little time to answer, nothing is known
        member = _unanswered(pool)
    joined[step.member] = member
    let_in(pool, member, step)


def _unanswered(pool: ClientPool) -> PoolMember:
    """The last member, whose handshake the server has not answered, perhaps because of a silent client."""
    member = pool.members[-1]
    member.departure, member.join_fault = Departure.REFUSED, "did not answer its handshake"
    return member


def join_at_once(pool: ClientPool, joined: dict[int, PoolMember], step: Step) -> None:
    """Connect several members in one moment, and wait until the server delivers messages to each."""
    members = pool.join_at_once(step.count, step.room)
    joined.update(zip(range(step.member, step.member + step.count), members, strict=True))
    accepted = [member for member in members if member.can_send]
    if pool.setting.workload.publishes:
        for member in accepted:
            pool.publish(member, f"member {member.number} is here")
        let_all_in(pool, accepted)


def let_in(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Publish until the server delivers messages to a member that has joined."""
    if not member.can_send or not pool.setting.workload.publishes:
        return
    pool.publish(member, f"member {step.member} is here")
    if step.shape is not None:  # the server may refuse such a name, or ignore its member
        pool.wait(lambda: bool(member.in_ns) or not member.is_connected, SHAPED_JOINS_S)
        return
    if pool.contract.audience is Audience.OTHERS and not pool.contract.replies:
        speaker = _companion(pool, member)
    else:
        speaker = member
    if speaker is not None:
        _wait_until_in(pool, member, speaker)


def let_all_in(pool: ClientPool, new: list[PoolMember]) -> None:
    """Publish until each new member has received something.

    An earlier member publishes first, and then each new member itself. While the server still delivers, nobody
    publishes again, and the waits grow. Otherwise a slow server would get more messages to deliver, the slower it is.
    """
    deadline, wait_s = Deadline.after(pool.setting.timeout_s), CROWD_PROBE_S
    speaker = next((member for member in pool.members if member.can_send and member.counts and member not in new), None)
    heard_by_all = pool.contract.audience in (Audience.EVERYONE, Audience.OTHERS)
    while not deadline.passed:
        missing = [member for member in new if member.is_connected and not member.in_ns]
        if not missing:
            return
        if speaker is not None and speaker.can_send and heard_by_all:
            pool.publish(speaker, "who is there?")
        else:
            for member in missing:
                pool.publish(member, "here")
        speaker = None
        limit_s = min(BUSY * wait_s, deadline.remaining_s)
        pool.wait(lambda: all(member.in_ns or not member.is_connected for member in new), limit_s, quiet_s=wait_s)
        wait_s *= 2
    pool.gave_up = pool.gave_up or any(member.is_connected and not member.in_ns for member in new)


def _intrude(pool: ClientPool, joined: dict[int, PoolMember], step: Step, access: Access) -> None:
    """Try to join without the right credentials, and publish. Do nothing if there are no credentials to alter."""
    workload = pool.setting.workload
    other = next((p for p in pool.members if p.can_send), None)
    if other is None or not _can_intrude(pool, other, access):
        return
    try:
        member = pool.join(room=step.room, access=access)
    except TargetError:  # the server may refuse by ending TCP without an answer
        member = pool.members[-1]
        member.departure = Departure.REFUSED
    joined[step.member] = member
    if member.can_send and workload.publishes:
        pool.publish(member, "an intruder is here")
    pool.wait(lambda: not member.is_connected, GIVEN_UP_S)


def _can_intrude(pool: ClientPool, other: PoolMember, access: Access) -> bool:
    """Whether this attempt differs from the join of `other`, so that a server can refuse it."""
    workload, own = pool.setting.workload, pool.endpoint_of(other.alias)
    if access is Access.STRANGER:
        return origin_matters(workload, own)
    if access is Access.EXPIRED:
        return workload.has_expire
    values = credentials_of(workload, other.alias, own)
    return bool(values) and can_try(access, values, other.name)


def _join_amid(pool: ClientPool, earlier: PoolMember | None, step: Step) -> PoolMember:
    """Connect a member while the others of its room publish, until they have published all their messages."""
    publishers = [p for p in pool.members if p.can_send and p.counts and p.room == step.room]
    background = pool.background = BackgroundPublishers(publishers, pool.publish, pool.may_publish)
    try:
        pool.wait(lambda: background.is_done)
        background.joins()
        member = pool.join(earlier, room=step.room, has_small_buffer=step.has_small_buffer, resumes=step.resumes)
        pool.wait(lambda: background.is_done or not member.is_connected)
    finally:
        pool.background = None
    pool.settle()
    return member


def _companion(pool: ClientPool, member: PoolMember) -> PoolMember | None:
    """Another member of the same room, whose messages show that a member without echo is subscribed."""
    candidates = (
        p for p in pool.members if p.can_send and not p.stalled and not p.misbehaviour and p.room == member.room
    )
    return next((p for p in candidates if p is not member), None)


def _wait_until_in(pool: ClientPool, member: PoolMember, speaker: PoolMember) -> None:
    """Wait for the member's first receipt.

    If the handshake alone subscribes the member, one message is enough. If the member sent something to join, or
    another member has to speak, the server may not have processed the subscription yet. Then the speaker sends more
    messages.
    """
    has_sent = member.conversation is not None and member.conversation.has_sent
    # A request may be refused, for its rate for example.
    once = speaker is member and not has_sent and not pool.setting.workload.publishes_outside
    deadline = Deadline.after(GIVEN_UP_S if pool.gave_up else pool.setting.timeout_s)
    while speaker.can_send:
        if speaker is not member:
            pool.publish(speaker, "who is there?")
        timeout_s = GIVEN_UP_S if pool.gave_up else None if once else PROBE_S
        if pool.wait(lambda: bool(member.in_ns) or not member.is_connected, timeout_s) or once or deadline.passed:
            break
        if speaker is member:
            pool.publish(member, "still here")
    if once and not pool.gave_up and not member.in_ns and member.can_send:
        _speak_again(pool, member)
    pool.gave_up = pool.gave_up or not (member.in_ns or _gives_way(pool, member))


def _speak_again(pool: ClientPool, member: PoolMember) -> None:
    """Let a member whose first message got no receipt publish once more: the server may have lost only that one."""
    pool.publish(member, "still here")
    pool.wait(lambda: bool(member.in_ns) or not member.is_connected, AGAIN_S)
    if member.in_ns:
        pool.expect_nothing()


def _gives_way(pool: ClientPool, member: PoolMember) -> bool:
    """Whether the server ended this connection, perhaps because another one of its name is open."""
    return not member.is_connected and any(other is not member and other.name == member.name for other in pool.members)
