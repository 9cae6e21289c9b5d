"""A JOIN step: connect a member, and wait until the server delivers messages to it."""

from __future__ import annotations

from wsproof.delivery.chatter import Chatter
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
"""Seconds that a member with an unusual name may take until it hears something."""
PROBE_S = 0.25
"""Seconds between two probe messages while a new member waits for its first receipt."""
AGAIN_S = 1.0
"""Seconds for the second message of a new member, where the first one should have been enough."""
CROWD_PROBE_S = 0.5
"""Seconds of silence after which new members that have received nothing publish. Each next wait is twice as long."""
BUSY = 8
"""A wait of many new members takes at most so many times its silence, while messages still arrive."""


def join(pool: ClientPool, joined: dict[int, PoolMember], step: Step) -> None:
    """Connect a member and wait until the server delivers messages to it."""
    if step.member in joined:
        return
    again = joined.get(step.rejoin_as) if step.rejoin_as is not None else None
    if step.access is not None:
        _intrude(pool, joined, step, step.access)
        return
    if step.silent:
        joined[step.member] = pool.join_silently(step.room)
        return
    if step.amid:
        joined[step.member] = _join_amid(pool, again, step)
        return
    try:
        member = pool.join(
            again, room=step.room, has_small_buffer=step.has_small_buffer, shape=step.shape, resumes=step.resumes
        )
    except TargetError:
        if not any(one.misbehaviour == SILENCE for one in pool.members):
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
    here = [member for member in members if member.can_speak]
    if pool.setting.workload.publishes:
        for member in here:
            pool.speak(member, f"member {member.number} is here")
        let_all_in(pool, here)


def let_in(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Publish until the server delivers messages to a member that has joined."""
    if not member.can_speak or not pool.setting.workload.publishes:
        return
    pool.speak(member, f"member {step.member} is here")
    if step.shape is not None:  # the server may refuse such a name, or take no notice of its member
        pool.wait(lambda: bool(member.in_ns) or not member.here, SHAPED_JOINS_S)
        return
    if pool.contract.audience is Audience.OTHERS and not pool.contract.replies:
        speaker = _companion(pool, member)
    else:
        speaker = member
    if speaker is not None:
        _wait_until_in(pool, member, speaker)


def let_all_in(pool: ClientPool, new: list[PoolMember]) -> None:
    """Publish until each new member has received something.

    A member that has joined before publishes first, and then each new member itself. While the server still delivers,
    nobody publishes again, and the waits grow: a slow server would otherwise get more messages to deliver the slower
    it is.
    """
    deadline, wait_s = Deadline.after(pool.setting.timeout_s), CROWD_PROBE_S
    speaker = next((one for one in pool.members if one.can_speak and one.counts and one not in new), None)
    heard_by_all = pool.contract.audience in (Audience.EVERYONE, Audience.OTHERS)
    while not deadline.passed:
        outside = [one for one in new if one.here and not one.in_ns]
        if not outside:
            return
        if speaker is not None and speaker.can_speak and heard_by_all:
            pool.speak(speaker, "who is there?")
        else:
            for member in outside:
                pool.speak(member, "here")
        speaker = None
        limit_s = min(BUSY * wait_s, deadline.remaining_s)
        pool.wait(lambda: all(one.in_ns or not one.here for one in new), limit_s, quiet_s=wait_s)
        wait_s *= 2
    pool.gave_up = pool.gave_up or any(one.here and not one.in_ns for one in new)


def _intrude(pool: ClientPool, joined: dict[int, PoolMember], step: Step, access: Access) -> None:
    """Try to join without the right credentials, and publish. Nothing if this member has none that could be altered."""
    workload = pool.setting.workload
    other = next((p for p in pool.members if p.can_speak), None)
    if other is None or not _can_intrude(pool, other, access):
        return
    try:
        member = pool.join(room=step.room, access=access)
    except TargetError:  # it may refuse by ending TCP without an answer
        member = pool.members[-1]
        member.departure = Departure.REFUSED
    joined[step.member] = member
    if member.can_speak and workload.publishes:
        pool.speak(member, "an intruder is here")
    pool.wait(lambda: not member.here, GIVEN_UP_S)


def _can_intrude(pool: ClientPool, other: PoolMember, access: Access) -> bool:
    """Whether joining like this differs from how `other` has joined, so that a server can refuse it."""
    workload, own = pool.setting.workload, pool.endpoint_of(other.alias)
    if access is Access.STRANGER:
        return origin_matters(workload, own)
    if access is Access.EXPIRED:
        return workload.has_expire
    values = credentials_of(workload, other.alias, own)
    return bool(values) and can_try(access, values, other.name)


def _join_amid(pool: ClientPool, again: PoolMember | None, step: Step) -> PoolMember:
    """Connect a member while the others of its room publish, and let them go on for a while."""
    talkers = [p for p in pool.members if p.can_speak and p.counts and p.room == step.room]
    chatter = pool.chatter = Chatter(talkers, pool.speak, pool.may_publish)
    try:
        pool.wait(lambda: chatter.is_done)
        chatter.joins()
        member = pool.join(again, room=step.room, has_small_buffer=step.has_small_buffer, resumes=step.resumes)
        pool.wait(lambda: chatter.is_done or not member.here)
    finally:
        pool.chatter = None
    pool.settle()
    return member


def _companion(pool: ClientPool, member: PoolMember) -> PoolMember | None:
    """Another member of the same room, whose messages show that a member without echo is subscribed."""
    fit = (p for p in pool.members if p.can_speak and not p.stalled and not p.misbehaviour and p.room == member.room)
    return next((p for p in fit if p is not member), None)


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
    while speaker.can_speak:
        if speaker is not member:
            pool.speak(speaker, "who is there?")
        timeout_s = GIVEN_UP_S if pool.gave_up else None if once else PROBE_S
        if pool.wait(lambda: bool(member.in_ns) or not member.here, timeout_s) or once or deadline.passed:
            break
        if speaker is member:
            pool.speak(member, "still here")
    if once and not pool.gave_up and not member.in_ns and member.can_speak:
        _speak_again(pool, member)
    pool.gave_up = pool.gave_up or not (member.in_ns or _gives_way(pool, member))


def _speak_again(pool: ClientPool, member: PoolMember) -> None:
    """Let a member whose first message was in vain publish once more: the server may have lost only that one."""
    pool.speak(member, "still here")
    pool.wait(lambda: bool(member.in_ns) or not member.here, AGAIN_S)
    if member.in_ns:
        pool.expect_nothing()


def _gives_way(pool: ClientPool, member: PoolMember) -> bool:
    """Whether the server ended this connection, perhaps because another one of its name is open."""
    return not member.here and any(one is not member and one.name == member.name for one in pool.members)
