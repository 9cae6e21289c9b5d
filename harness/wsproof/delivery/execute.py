"""Executes a schedule with a client pool: sends each step's bytes and waits for their effect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from wsproof.checks.feed import silence_ns
from wsproof.delivery.chatter import Chatter
from wsproof.delivery.client_pool import GIVEN_UP_S, ClientPool, PoolSettings
from wsproof.delivery.credentials import Access, can_try, credentials_of, origin_matters
from wsproof.delivery.departures import DEPARTURES, abandon
from wsproof.delivery.member import PoolMember
from wsproof.delivery.mutations import mutated
from wsproof.delivery.schedule import GREETING, Action, LeaveBy, Misbehaviour, Schedule, Step
from wsproof.delivery.volume import burst, gather_crowd, stream
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


def perform(schedule: Schedule, setting: PoolSettings) -> ScheduleExecution:
    """Execute all steps of a schedule, then wait for the expected messages and disconnect all members.

    Raises:
        TargetError: the server does not answer.
        BudgetSpent: the run's time is over; what happened until then proves nothing.
    """
    crowd = ClientPool(replace(setting, has_shapes=any(step.shape is not None for step in schedule)))
    cast: dict[int, PoolMember] = {}
    try:
        for step in schedule:
            if step.action is Action.JOIN:
                _join(crowd, cast, step)
            elif step.action is Action.CROWD:
                gather_crowd(crowd, cast, step)
            elif step.action is Action.ABANDON:
                abandon(crowd, step.count)
            elif step.action is Action.STREAM:
                stream(crowd, step)
            elif step.action is Action.BURST:
                burst(crowd, step)
            elif step.action in (Action.SETTLE, Action.WATCH):
                ACTIONS[step.action](crowd, crowd.people[0] if crowd.people else None, step)  # type: ignore[arg-type]
            elif (person := cast.get(step.member)) is not None and person.can_speak:
                ACTIONS[step.action](crowd, person, step)
        _last_words(crowd)
        crowd.end_drain()
        crowd.disperse()
        following = max(crowd.next_alias, setting.first + len(crowd.people))
        plain = frozenset(key for key, said in crowd.said.items() if said.plain is not None)
        return ScheduleExecution(
            crowd.history(),
            not crowd.gave_up,
            following,
            crowd.first_said,
            crowd.came(),
            crowd.join_fault,
            plain,
            _credentials(crowd),
            tuple(crowd.measured.values()),
            crowd.versions.is_used,
        )
    finally:
        crowd.disperse()


def _credentials(crowd: ClientPool) -> frozenset[str]:
    """The right credentials of the members, if one joined without them. Then the server's output is searched."""
    if not any(person.access for person in crowd.people):
        return frozenset()
    workload, here = crowd.setting.workload, [p for p in crowd.people if p.access is None and p.connected_ns]
    shown = (credentials_of(workload, p.alias, crowd.endpoint_of(p.alias)) for p in here)
    return frozenset(value for values in shown for value in values)


def _join(crowd: ClientPool, cast: dict[int, PoolMember], step: Step) -> None:
    """Connect a member and wait until the server delivers messages to it."""
    if step.member in cast:
        return
    again = cast.get(step.rejoin_as) if step.rejoin_as is not None else None
    if step.access is not None:
        _intrude(crowd, cast, step, step.access)
        return
    if step.amid:
        cast[step.member] = _join_amid(crowd, again, step)
        return
    person = crowd.join(again, room=step.room, has_small_buffer=step.has_small_buffer, shape=step.shape)
    cast[step.member] = person
    if not person.can_speak or not crowd.setting.workload.publishes:
        return
    crowd.speak(person, f"member {step.member} is here")
    if step.shape is not None:  # the server may refuse such a name, or take no notice of its member
        crowd.wait(lambda: bool(person.in_ns) or not person.here, SHAPED_JOINS_S)
        return
    if crowd.contract.audience is Audience.OTHERS and not crowd.contract.replies:
        speaker = _companion(crowd, person)
    else:
        speaker = person
    if speaker is not None:
        _wait_until_in(crowd, person, speaker)


def _intrude(crowd: ClientPool, cast: dict[int, PoolMember], step: Step, access: Access) -> None:
    """Try to join without the right credentials, and publish. Nothing if this member has none that could be altered."""
    workload = crowd.setting.workload
    other = next((p for p in crowd.people if p.can_speak), None)
    if other is None or not _can_intrude(crowd, other, access):
        return
    try:
        person = crowd.join(room=step.room, access=access)
    except TargetError:  # it may refuse by ending TCP without an answer
        person = crowd.people[-1]
        person.departure = Departure.REFUSED
    cast[step.member] = person
    if person.can_speak and workload.publishes:
        crowd.speak(person, "an intruder is here")
    crowd.wait(lambda: not person.here, GIVEN_UP_S)


def _can_intrude(crowd: ClientPool, other: PoolMember, access: Access) -> bool:
    """Whether joining like this differs from how `other` has joined, so that a server can refuse it."""
    workload, own = crowd.setting.workload, crowd.endpoint_of(other.alias)
    if access is Access.STRANGER:
        return origin_matters(workload, own)
    values = credentials_of(workload, other.alias, own)
    return bool(values) and can_try(access, values, other.name)


def _join_amid(crowd: ClientPool, again: PoolMember | None, step: Step) -> PoolMember:
    """Connect a member while the others of its room publish, and let them go on for a while."""
    talkers = [p for p in crowd.people if p.can_speak and p.counts and p.room == step.room]
    chatter = crowd.chatter = Chatter(talkers, crowd.speak)
    try:
        crowd.wait(lambda: chatter.is_done)
        chatter.joins()
        person = crowd.join(again, room=step.room, has_small_buffer=step.has_small_buffer)
        crowd.wait(lambda: chatter.is_done or not person.here)
    finally:
        crowd.chatter = None
    crowd.settle()
    return person


def _companion(crowd: ClientPool, person: PoolMember) -> PoolMember | None:
    """Another member of the same room, whose messages show that a member without echo is subscribed."""
    fit = (p for p in crowd.people if p.can_speak and not p.stalled and not p.misbehaviour and p.room == person.room)
    return next((p for p in fit if p is not person), None)


def _wait_until_in(crowd: ClientPool, person: PoolMember, speaker: PoolMember) -> None:
    """Wait for the member's first receipt.

    If the handshake alone subscribes the member, one message is enough. If the member sent something to join, or
    another member has to speak, the server may not have processed the subscription yet. Then the speaker sends more
    messages.
    """
    has_sent = person.conversation is not None and person.conversation.has_sent
    # A request may be refused, for its rate for example.
    once = speaker is person and not has_sent and not crowd.setting.workload.publishes_by_http
    deadline = Deadline.after(GIVEN_UP_S if crowd.gave_up else crowd.setting.patience_s)
    while speaker.can_speak:
        if speaker is not person:
            crowd.speak(speaker, "who is there?")
        patience_s = GIVEN_UP_S if crowd.gave_up else None if once else PROBE_S
        if crowd.wait(lambda: bool(person.in_ns) or not person.here, patience_s) or once or deadline.passed:
            break
        if speaker is person:
            crowd.speak(person, "still here")
    crowd.gave_up = crowd.gave_up or not (person.in_ns or _gives_way(crowd, person))


def _gives_way(crowd: ClientPool, person: PoolMember) -> bool:
    """Whether the server ended this connection, perhaps because another one of its name is open."""
    return not person.here and any(one is not person and one.name == person.name for one in crowd.people)


def _mutate(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    """Send a malformed message. From now on nothing is expected to reach this member, and nobody is to hear it."""
    workload = crowd.setting.workload
    crowd.settle()
    person.is_fuzzing, person.misbehaviour = True, f"its {step.body or 'message'} {step.mutation.value}"
    person.outstanding.clear()
    envelope = Envelope(crowd.setting.first + person.number, person.sequence, now_ns())
    greeting = workload.greeting(person.alias) if step.body == GREETING else None
    right = greeting if greeting is not None else workload.publish(person.alias, envelope, "malformed")
    if isinstance(right, HttpRequest):
        return
    crowd.hand_over(person, mutated(right, step.mutation))


def _greet(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    """Send the greeting again, then publish until the server has surely processed it."""
    greeting = crowd.setting.workload.greeting(person.alias)
    if greeting is None:
        return
    crowd.settle()
    person.greeted_again_ns = NEVER_NS
    crowd.hand_over(person, greeting)
    if not person.can_speak:
        return
    key = (person.number, person.sequence)
    crowd.speak(person, "greeted again")
    crowd.wait(lambda: bool(crowd.said[key].heard_by) or not person.here, GIVEN_UP_S if crowd.gave_up else None)
    if crowd.said[key].heard_by:
        person.greeted_again_ns = now_ns()


def _say(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    """Publish a message, in several TCP segments if the step has cuts."""
    body = step.body
    if step.size_bytes:
        room = step.size_bytes - len(body.encode())
        body += body_of(room) if room > TRAILER_BYTES else ""
    if not step.cuts or crowd.setting.workload.publishes_by_http:
        crowd.speak(person, body, plain=step.plain)
        return
    message = crowd.say(person, body, plain=step.plain)
    assert not isinstance(message, HttpRequest)
    payload = message if isinstance(message, bytes) else message.encode()
    frame = Frame(Opcode.BINARY if isinstance(message, bytes) else Opcode.TEXT, payload, mask=MASK).encode()
    places = sorted({len(frame) * cut // 100 for cut in step.cuts})
    spans = zip([0, *places], [*places, len(frame)], strict=True)
    crowd.send_in_pieces(person, [frame[start:end] for start, end in spans])


def _leave(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    """Leave in the way that the step names."""
    {LeaveBy.CLOSE: crowd.close, LeaveBy.FIN: crowd.end_tcp, LeaveBy.RESET: crowd.reset}[step.leave_by](person)


def _depart(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    """Go as the step says."""
    person.went_by = step.how
    DEPARTURES[step.how](crowd, person)


def _break(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    """Send the frame of a misbehaviour. From now on nothing is expected to reach this member."""
    person.misbehaviour = step.misbehaviour.value
    person.outstanding.clear()
    person.client.send_raw(BREAKS[step.misbehaviour]().encode())
    crowd.turn(0)


def _stall(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    """Stop reading, after all expected messages have arrived."""
    crowd.settle()
    person.stalled = True
    person.outstanding.clear()
    person.client.stop_reading()


def _settle(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    """Wait until every member has received what it expects."""
    crowd.settle()


def _flood(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    """Publish many messages, each after the previous one has arrived."""
    for _ in range(step.count):
        if crowd.gave_up or not person.can_speak:
            return
        crowd.speak(person, body_of(step.size_bytes))
        crowd.settle()


def _watch(crowd: ClientPool, person: PoolMember | None, step: Step) -> None:
    """Wait until every viewer has received `count` more objects, or until one viewer's feed has stopped."""
    feed = crowd.contract.feed
    if feed is None:
        return
    patience_ns = silence_ns(feed) + NS // 10
    viewers = [p for p in crowd.people if p.here and not p.stalled and not p.misbehaviour]
    wanted = {p.number: p.ticks + step.count for p in viewers}
    seen = {p.number: (p.ticks, now_ns()) for p in viewers}

    def satisfied() -> bool:
        for viewer in viewers:
            if viewer.ticks != seen[viewer.number][0]:
                seen[viewer.number] = (viewer.ticks, now_ns())
            if viewer.here and now_ns() - seen[viewer.number][1] > patience_ns:
                crowd.gave_up = True
                return True
        return all(p.ticks >= wanted[p.number] or not p.here for p in viewers)

    crowd.wait(satisfied, step.count * (patience_ns / NS) + 1)


def _last_words(crowd: ClientPool) -> None:
    """Send one more message per publisher, as a barrier.

    If a later message of the same publisher has arrived and an earlier one has not, the earlier one is lost.
    """
    crowd.settle()
    for person in crowd.people:
        speaks = person.can_speak and person.counts and crowd.setting.workload.publishes
        if speaks and not crowd.gave_up:
            crowd.speak(person, "last words")
    crowd.settle()


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
