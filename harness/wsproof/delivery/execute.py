"""Executes a schedule with a client pool: sends each step's bytes and waits for their effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.credentials import credentials_of
from wsproof.delivery.departures import DEPARTURES, abandon
from wsproof.delivery.feed_silence import wait_for_silent_viewers, watch_feed
from wsproof.delivery.joining import join, join_at_once, let_in
from wsproof.delivery.member import PoolMember
from wsproof.delivery.mutations import mutated
from wsproof.delivery.pool_settings import GIVEN_UP_S, PoolSettings
from wsproof.delivery.schedule import GREETING, Action, LeaveBy, Misbehaviour, Schedule, Step
from wsproof.delivery.slow_reader import pause
from wsproof.delivery.volume import burst, join_many, stream
from wsproof.model.envelope import TRAILER_BYTES, Envelope, body_of
from wsproof.model.history import History
from wsproof.model.suite import Figure
from wsproof.net.clock import now_ns
from wsproof.wire import MASK, Frame, Opcode

NEVER_NS = 1 << 62
"""A time that is never reached, in ns."""
FLOOD_S = 5.0
"""Seconds that a flood may take at the rate that the contract allows. A longer one is left out."""
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
    first_published: str | bytes | None
    first_received: str
    join_fault: str = ""
    """The reason why a member could not join; empty if all could."""
    plain: frozenset[tuple[int, int]] = frozenset()
    """The publications without an envelope, as (publisher, sequence)."""
    credentials: frozenset[str] = frozenset()
    """The members' right credentials, if others tried to join without them."""
    measured: tuple[Figure, ...] = ()
    """The figures that the schedule measured, such as the rate at which the server took messages."""
    has_versions: bool = False
    """Whether messages were identified by a version instead of an envelope."""

    @property
    def understood(self) -> bool:
        """Whether the workload understood the server's messages.

        A server that echoes our texts also repeats imitations of its own format (`Client #9 says: ...`). Those count as
        damaged receipts. A few of them among many unexpected messages do not show that the server speaks this format.
        """
        receipts, unexpected = self.history.receipts, self.history.unexpected
        has_intact = bool(receipts.intact.any()) or len(receipts) > len(unexpected)
        return bool(has_intact or self.history.ticks or self.history.notices)


def execute(schedule: Schedule, setting: PoolSettings) -> ScheduleExecution:
    """Execute all steps of a schedule, then wait for the expected messages and disconnect all members.

    Raises:
        TargetError: the server does not answer.
        BudgetSpent: the run's time is over. The partial history proves nothing.
    """
    pool = ClientPool(replace(setting, has_shapes=any(step.shape is not None for step in schedule)))
    joined: dict[int, PoolMember] = {}
    try:
        for step in schedule:
            execute_step(pool, joined, step)
        return concluded(pool)
    finally:
        pool.disconnect_all()


def execute_step(pool: ClientPool, joined: dict[int, PoolMember], step: Step) -> None:
    """Execute one step. `joined` are the members so far, by the number of their JOIN; a JOIN adds one.

    Raises:
        TargetError: the server does not answer.
        BudgetSpent: the run's time is over.
    """
    if step.action is Action.JOIN:
        join(pool, joined, step)
    elif step.action is Action.MOVE:
        _move(pool, joined, step)
    elif step.action is Action.TOGETHER:
        join_at_once(pool, joined, step)
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
    elif (member := joined.get(step.member)) is not None and member.can_send:
        ACTIONS[step.action](pool, member, step)


def concluded(pool: ClientPool) -> ScheduleExecution:
    """Wait for the expected messages, disconnect all members, and return what happened.

    Raises:
        BudgetSpent: the run's time is over.
    """
    _send_barrier(pool)
    wait_for_silent_viewers(pool)
    pool.end_drain()
    pool.disconnect_all()
    plain = frozenset(
        (publication.publisher, publication.sequence) for publication in pool.sent if publication.plain is not None
    )
    return ScheduleExecution(
        pool.sent.history(),
        not pool.gave_up,
        pool.next_first,
        pool.first_published,
        pool.messages.first_received(),
        pool.join_fault,
        plain,
        _credentials(pool),
        tuple(pool.measured.values()),
        pool.messages.versions.is_used,
    )


def _credentials(pool: ClientPool) -> frozenset[str]:
    """The right credentials of the members, if one joined without them. The server's output is searched for them."""
    if not any(member.access for member in pool.members):
        return frozenset()
    workload, own = pool.setting.workload, [p for p in pool.members if p.access is None and p.connected_ns]
    shown = (credentials_of(workload, p.alias, pool.endpoint_of(p.alias)) for p in own)
    return frozenset(value for values in shown for value in values)


def _move(pool: ClientPool, joined: dict[int, PoolMember], step: Step) -> None:
    """Let a member change its room, and wait until the server delivers messages to it there."""
    member = joined.get(step.rejoin_as) if step.rejoin_as is not None else None
    if member is None or not member.can_send or member.room == step.room or step.member in joined:
        return
    joined[step.member] = moved = pool.move(member, step.room)
    let_in(pool, moved, step)


def _mutate(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Send a malformed message. From now on no delivery from or to this member is expected."""
    workload = pool.setting.workload
    pool.settle()
    member.is_fuzzing, member.misbehaviour = True, f"its {step.body or 'message'} {step.mutation.value}"
    member.outstanding.clear()
    envelope = Envelope(pool.setting.first + member.number, member.sequence, now_ns())
    greeting = workload.greeting(member.alias) if step.body == GREETING else None
    right = greeting if greeting is not None else workload.publish(member.alias, envelope, "malformed")
    if isinstance(right, str | bytes):
        pool.hand_over(member, mutated(right, step.mutation))


def _greet(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Send the greeting again, then publish: a receipt proves that the server has processed the greeting."""
    greeting = pool.setting.workload.greeting(member.alias)
    if greeting is None:
        return
    pool.settle()
    member.greeted_again_ns = NEVER_NS
    pool.hand_over(member, greeting)
    if not member.can_send:
        return
    key = (member.number, member.sequence)
    pool.publish(member, "greeted again")
    if (publication := pool.sent.get(key)) is None:
        return
    pool.wait(lambda: bool(publication.heard_by) or not member.is_connected, GIVEN_UP_S if pool.gave_up else None)
    if publication.heard_by:
        member.greeted_again_ns = now_ns()


def _say(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Publish a message, in several TCP segments if the step has cuts."""
    body = step.body
    if step.size_bytes:
        room = step.size_bytes - len(body.encode())
        body += body_of(room) if room > TRAILER_BYTES else ""
    if not step.cuts or pool.setting.workload.publishes_outside:
        pool.publish(member, body, plain=step.plain)
        return
    if not pool.keep_rate(member):
        return
    message = pool.new_publication(member, body, plain=step.plain)
    assert isinstance(message, str | bytes)
    payload = message if isinstance(message, bytes) else message.encode()
    frame = Frame(Opcode.BINARY if isinstance(message, bytes) else Opcode.TEXT, payload, mask=MASK).encode()
    places = sorted({len(frame) * cut // 100 for cut in step.cuts})
    spans = zip([0, *places], [*places, len(frame)], strict=True)
    pool.send_in_pieces(member, [frame[start:end] for start, end in spans])


def _leave(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Leave by a close frame, FIN or RST."""
    {LeaveBy.CLOSE: pool.close, LeaveBy.FIN: pool.end_tcp, LeaveBy.RESET: pool.reset}[step.leave_by](member)


def _depart(pool: ClientPool, member: PoolMember, step: Step) -> None:
    """Leave in the way that `how` names."""
    member.left_by = step.how
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
    limit = pool.pacer.limit if pool.pacer is not None else None
    if limit is not None and step.count / limit.messages * limit.window_s > FLOOD_S:
        return
    for _ in range(step.count):
        if pool.gave_up or not member.can_send:
            return
        pool.publish(member, body_of(step.size_bytes))
        pool.settle()


def _watch(pool: ClientPool, member: PoolMember | None, step: Step) -> None:
    """Wait until every viewer has received `count` more objects, or until one viewer's feed has stopped."""
    watch_feed(pool, step.count)


def _send_barrier(pool: ClientPool) -> None:
    """Send one more message per publisher, as a barrier.

    If a later message of the same publisher has arrived and an earlier one has not, the earlier one is lost.
    """
    pool.settle()
    for member in pool.members:
        speaks = member.can_send and member.counts and pool.setting.workload.publishes
        if speaks and not pool.gave_up:
            pool.publish(member, "last words")
    pool.settle()


ACTIONS: dict[Action, Callable[[ClientPool, PoolMember, Step], None]] = {
    Action.SAY: _say,
    Action.LEAVE: _leave,
    Action.DEPART: _depart,
    Action.BREAK: _break,
    Action.STALL: _stall,
    Action.PAUSE: pause,
    Action.MUTATE: _mutate,
    Action.GREET: _greet,
    Action.SETTLE: _settle,
    Action.FLOOD: _flood,
    Action.WATCH: _watch,
}
"""The function for each action. JOIN is handled by `join`."""
