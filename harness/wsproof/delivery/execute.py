"""Executes a schedule with a client pool: sends each step's bytes and waits for their effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from wsproof.checks.feed import silence_ns
from wsproof.delivery.chatter import Chatter
from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.credentials import Access, can_try, credentials_of, origin_matters
from wsproof.delivery.departures import DEPARTURES, abandon
from wsproof.delivery.member import PoolMember
from wsproof.delivery.mutations import mutated
from wsproof.delivery.pool_settings import GIVEN_UP_S, PoolSettings
from wsproof.delivery.schedule import GREETING, Action, LeaveBy, Misbehaviour, Schedule, Step
from wsproof.delivery.volume import burst, join_many, stream
from wsproof.errors import TargetError
from wsproof.model.contract import Audience
from wsproof.model.envelope import TRAILER_BYTES, Envelope, body_of
from wsproof.model.history import Departure, History
from wsproof.model.nanoseconds import NS
from wsproof.model.suite import Figure
from wsproof.net.clock import Deadline, now_ns
from wsproof.wire import MASK, Frame, HttpRequest, Opcode

SHAPED_JOINS_S = 1.0
"""Seconds that a member with an unusual name may take until it hears something."""
NEVER_NS = 1 << 62
"""A time that never comes, in ns."""
PROBE_S = 0.25
"""Seconds between two probe messages while a new member waits for its first receipt."""
BREAKS: dict[Misbehaviour, Callable[[], Frame]] = {
    Misbehaviour.BINARY: lambda: Frame(Opcode.BINARY, b"\x00\x01wsproof", mask=MASK),
    Misbehaviour.TEXT: lambda: Frame(Opcode.TEXT, b"wsproof", mask=MASK),
    Misbehaviour.NONSENSE: lambda: Frame(Opcode.TEXT, b"wsproof: this is no message", mask=MASK),
    Misbehaviour.WRONG_SHAPE: lambda: Frame(Opcode.TEXT, b'{"wsproof": [null]}', mask=MASK),
    Misbehaviour.BAD_UTF8: lambda: Frame(Opcode.TEXT, b"\xf0\x28\x8c\x28", mask=MASK),
    Misbehaviour.UNMASKED: lambda: Frame(Opcode.TEXT, b"unmasked"),
    Misbehaviour.OVERSIZE: lambda: Frame(Opcode.TEXT, b"x", mask=MASK, declared_length=1 << 40),
    Misbehaviour.RESERVED: lambda: Frame(Opcode(3) if 3 in set(Opcode) else 3, b"x", mask=MASK),
}
"""The frame that each kind of misbehaviour sends."""


@dataclass(frozen=True)
class ScheduleExecution:
    """The result of one schedule.

    `well` is false if a wait timed out. `next_first` is the first member number that this schedule did not use.
    """

    history: History
    well: bool
    next_first: int
    first_said: str | bytes | None
    came: str
    join_fault: str = ""
    """Why a member could not join; empty if all could."""
    plain: frozenset[tuple[int, int]] = frozenset()
    """The publications without an envelope, as (publisher, sequence)."""
    credentials: frozenset[str] = frozenset()
    """The right credentials that were shown, where others tried to join without them."""
    measured: tuple[Figure, ...] = ()
    """What the schedule measured, such as the rate that the server took."""
    has_versions: bool = False
    """Whether messages were identified by a version instead of an envelope."""

    @property
    def understood(self) -> bool:
        """Whether the workload understood the server's messages.

        A server that echoes our texts also repeats imitations of its own format (`Client #9 says: ...`). Those count as
        damaged receipts. A few of them among many unexpected messages do not show that the server speaks this format.
        """
        receipts, strange = self.history.receipts, self.history.strange
        whole = bool(receipts.intact.any()) or len(receipts) > len(strange)
        return bool(whole or self.history.ticks or self.history.notices)


def execute(schedule: Schedule, setting: PoolSettings) -> ScheduleExecution:
    """Execute all steps of a schedule, then wait for the expected messages and disconnect all members.

    Raises:
        TargetError: the server does not answer.
        BudgetSpent: the run's time is over; what happened until then proves nothing.
    """
    pool = ClientPool(replace(setting, has_shapes=any(step.shape is not None for step in schedule)))
    joined: dict[int, PoolMember] = {}
    try:
        for step in schedule:
            if step.action is Action.JOIN:
                _join(pool, joined, step)
            elif step.action is Action.MOVE:
                _move(pool, joined, step)
            elif step.action is Action.CROWD:
                join_many(pool, joined, step)
            elif step.action is Action.ABANDON:
                abandon(pool, step.count)
            elif step.action is Action.STREAM:
                stream(pool, step)
            elif step.action is Action.BURST:
                burst(pool, step)
            elif step.action in (Action.SETTLE, Action.WATCH):
                ACTIONS[step.action](pool, pool.members[0] if pool.members else None, step)  # type: ignore[arg-type]
            elif (member := joined.get(step.member)) is not None and member.can_speak:
                ACTIONS[step.action](pool, member, step)
        _send_barrier(pool)
        pool.end_drain()
        pool.disconnect_all()
        following = max(pool.next_alias, setting.first + len(pool.members))
        plain = frozenset(key for key, said in pool.said.items() if said.plain is not None)
        return ScheduleExecution(
            pool.history(),
            not pool.gave_up,
            following,
            pool.first_said,
            pool.came(),
            pool.join_fault,
            plain,
            _credentials(pool),
            tuple(pool.measured.values()),
            pool.versions.is_used,
        )
    finally:
        pool.disconnect_all()


def _credentials(pool: ClientPool) -> frozenset[str]:
    """The right credentials of the members, if one joined without them. Then the server's output is searched."""
    if not any(member.access for member in pool.members):
        return frozenset()
    workload, here = pool.setting.workload, [p for p in pool.members if p.access is None and p.connected_ns]
    shown = (credentials_of(workload, p.alias, pool.endpoint_of(p.alias)) for p in here)
    return frozenset(value for values in shown for value in values)


def _join(pool: ClientPool, joined: dict[int, PoolMember], step: Step) -> None:
    """Connect a member and wait until the server delivers messages to it."""
    if step.member in joined:
        return
    again = joined.get(step.rejoin_as) if step.rejoin_as is not None else None
    if step.access is not None:
        _intrude(pool, joined, step, step.access)
        return
    if step.amid:
        joined[step.member] = _join_amid(pool, again, step)
        return
    member = pool.join(
        again, room=step.room, has_small_buffer=step.has_small_buffer, shape=step.shape, resumes=step.resumes
    )
    joined[step.member] = member
    _let_in(pool, member, step)


def _move(pool: ClientPool, joined: dict[int, PoolMember], step: Step) -> None:
    """Let a member change its room, and wait until the server delivers messages to it there."""
    member = joined.get(step.rejoin_as) if step.rejoin_as is not None else None
    if member is None or not member.can_speak or member.room == step.room or step.member in joined:
        return
    joined[step.member] = there = pool.move(member, step.room)
    _let_in(pool, there, step)


def _let_in(pool: ClientPool, member: PoolMember, step: Step) -> None:
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
    values = credentials_of(workload, other.alias, own)
    return bool(values) and can_try(access, values, other.name)


def _join_amid(pool: ClientPool, again: PoolMember | None, step: Step) -> PoolMember:
    """Connect a member while the others of its room publish, and let them go on for a while."""
    talkers = [p for p in pool.members if p.can_speak and p.counts and p.room == step.room]
    chatter = pool.chatter = Chatter(talkers, pool.speak)
    try:
        pool.wait(lambda: chatter.is_done)
        chatter.joins()
        member = pool.join(again, room=step.room, has_small_buffer=step.has_small_buffer)
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
    once = speaker is member and not has_sent and not pool.setting.workload.publishes_by_http
    deadline = Deadline.after(GIVEN_UP_S if pool.gave_up else pool.setting.timeout_s)
    while speaker.can_speak:
        if speaker is not member:
            pool.speak(speaker, "who is there?")
        timeout_s = GIVEN_UP_S if pool.gave_up else None if once else PROBE_S
        if pool.wait(lambda: bool(member.in_ns) or not member.here, timeout_s) or once or deadline.passed:
            break
        if speaker is member:
            pool.speak(member, "still here")
    pool.gave_up = pool.gave_up or not (member.in_ns or _gives_way(pool, member))


def _gives_way(pool: ClientPool, member: PoolMember) -> bool:
    """Whether the server ended this connection, perhaps because another one of its name is open."""
    return not member.here and any(one is not member and one.name == member.name for one in pool.members)


def _mutate(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Send a malformed message. From now on nothing is expected to reach this member, and nobody is to hear it."""
    workload = pool.setting.workload
    pool.settle()
    member.is_fuzzing, member.misbehaviour = True, f"its {step.body or 'message'} {step.mutation.value}"
    member.outstanding.clear()
    envelope = Envelope(pool.setting.first + member.number, member.sequence, now_ns())
    greeting = workload.greeting(member.alias) if step.body == GREETING else None
    right = greeting if greeting is not None else workload.publish(member.alias, envelope, "malformed")
    if isinstance(right, HttpRequest):
        return
    pool.hand_over(member, mutated(right, step.mutation))


def _greet(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Send the greeting again, then publish until the server has surely processed it."""
    greeting = pool.setting.workload.greeting(member.alias)
    if greeting is None:
        return
    pool.settle()
    member.greeted_again_ns = NEVER_NS
    pool.hand_over(member, greeting)
    if not member.can_speak:
        return
    key = (member.number, member.sequence)
    pool.speak(member, "greeted again")
    pool.wait(lambda: bool(pool.said[key].heard_by) or not member.here, GIVEN_UP_S if pool.gave_up else None)
    if pool.said[key].heard_by:
        member.greeted_again_ns = now_ns()


def _say(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Publish a message, in several TCP segments if the step has cuts."""
    body = step.body
    if step.size_bytes:
        room = step.size_bytes - len(body.encode())
        body += body_of(room) if room > TRAILER_BYTES else ""
    if not step.cuts or pool.setting.workload.publishes_by_http:
        pool.speak(member, body, plain=step.plain)
        return
    message = pool.say(member, body, plain=step.plain)
    assert not isinstance(message, HttpRequest)
    payload = message if isinstance(message, bytes) else message.encode()
    frame = Frame(Opcode.BINARY if isinstance(message, bytes) else Opcode.TEXT, payload, mask=MASK).encode()
    places = sorted({len(frame) * cut // 100 for cut in step.cuts})
    spans = zip([0, *places], [*places, len(frame)], strict=True)
    pool.send_in_pieces(member, [frame[start:end] for start, end in spans])


def _leave(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Leave in the way that the step names."""
    {LeaveBy.CLOSE: pool.close, LeaveBy.FIN: pool.end_tcp, LeaveBy.RESET: pool.reset}[step.leave_by](member)


def _depart(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Go as the step says."""
    member.went_by = step.how
    DEPARTURES[step.how](pool, member)


def _break(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Send the frame of a misbehaviour. From now on nothing is expected to reach this member."""
    member.misbehaviour = step.misbehaviour.value
    member.outstanding.clear()
    member.client.send_raw(BREAKS[step.misbehaviour]().encode())
    pool.poll_once(0)


def _stall(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Stop reading, after all expected messages have arrived."""
    pool.settle()
    member.stalled = True
    member.outstanding.clear()
    member.client.stop_reading()


def _settle(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Wait until every member has received what it expects."""
    pool.settle()


def _flood(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Publish many messages, each after the previous one has arrived."""
    for _ in range(step.count):
        if pool.gave_up or not member.can_speak:
            return
        pool.speak(member, body_of(step.size_bytes))
        pool.settle()


def _watch(pool: ClientPool, member: PoolMember | None, step: Step) -> None:
    """Wait until every viewer has received `count` more objects, or until one viewer's feed has stopped."""
    feed = pool.contract.feed
    if feed is None:
        return
    timeout_ns = silence_ns(feed) + NS // 10
    viewers = [p for p in pool.members if p.here and not p.stalled and not p.misbehaviour]
    wanted = {p.number: p.ticks + step.count for p in viewers}
    seen = {p.number: (p.ticks, now_ns()) for p in viewers}

    def satisfied() -> bool:
        for viewer in viewers:
            if viewer.ticks != seen[viewer.number][0]:
                seen[viewer.number] = (viewer.ticks, now_ns())
            if viewer.here and now_ns() - seen[viewer.number][1] > timeout_ns:
                pool.gave_up = True
                return True
        return all(p.ticks >= wanted[p.number] or not p.here for p in viewers)

    pool.wait(satisfied, step.count * (timeout_ns / NS) + 1)


def _send_barrier(pool: ClientPool) -> None:
    """Send one more message per publisher, as a barrier.

    If a later message of the same publisher has arrived and an earlier one has not, the earlier one is lost.
    """
    pool.settle()
    for member in pool.members:
        speaks = member.can_speak and member.counts and pool.setting.workload.publishes
        if speaks and not pool.gave_up:
            pool.speak(member, "last words")
    pool.settle()


ACTIONS: dict[Action, Callable[[ClientPool, PoolMember, Step], None]] = {
    Action.SAY: _say,
    Action.LEAVE: _leave,
    Action.DEPART: _depart,
    Action.BREAK: _break,
    Action.STALL: _stall,
    Action.MUTATE: _mutate,
    Action.GREET: _greet,
    Action.SETTLE: _settle,
    Action.FLOOD: _flood,
    Action.WATCH: _watch,
}
"""The function for each action. JOIN is handled by `_join`."""
