"""Performing a schedule on a crowd: each deed as bytes on the wire, and what it waits for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from wsproof.checks.feed import silence_ns
from wsproof.delivery.client_pool import GIVEN_UP_S, ClientPool, PoolSettings
from wsproof.delivery.member import PoolMember
from wsproof.delivery.schedule import Action, LeaveBy, Misbehaviour, Schedule, Step
from wsproof.model.contract import Audience
from wsproof.model.envelope import TRAILER_BYTES, body_of
from wsproof.model.history import History
from wsproof.net.clock import Deadline, now_ns
from wsproof.wire import MASK, Frame, Opcode

NS = 1_000_000_000
PROBE_S = 0.25
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


@dataclass(frozen=True)
class ScheduleExecution:
    """What happened; whether every wait ended `well`; the first number that no member had (`next_first`)."""

    history: History
    well: bool
    next_first: int
    first_said: str | bytes | None
    came: str

    @property
    def understood(self) -> bool:
        """Whether the workload could place what came.

        A server that says our texts back to us repeats imitations of its own words, too (`Client #9 says: ...`). They
        are damaged as receipts go; a few among many strange texts do not make it a speaker of this format.
        """
        receipts, strange = self.history.receipts, self.history.strange
        whole = bool(receipts.intact.any()) or len(receipts) > len(strange)
        return bool(whole or self.history.ticks or self.history.notices)


def perform(schedule: Schedule, setting: PoolSettings) -> ScheduleExecution:
    """Do it all.

    Raises:
        TargetError: nobody answers at all.
        BudgetSpent: the run is over; what was seen until then proves nothing.
    """
    crowd = ClientPool(setting)
    cast: dict[int, PoolMember] = {}
    try:
        for step in schedule:
            if step.deed is Action.JOIN:
                _join(crowd, cast, step)
            elif step.deed in (Action.SETTLE, Action.WATCH):
                DEEDS[step.deed](crowd, crowd.people[0] if crowd.people else None, step)  # type: ignore[arg-type]
            elif (person := cast.get(step.member)) is not None and person.can_speak:
                DEEDS[step.deed](crowd, person, step)
        _last_words(crowd)
        crowd.end_drain()
        crowd.disperse()
        following = max(crowd.next_alias, setting.first + len(crowd.people))
        return ScheduleExecution(crowd.history(), not crowd.gave_up, following, crowd.first_said, crowd.came())
    finally:
        crowd.disperse()


def _join(crowd: ClientPool, cast: dict[int, PoolMember], step: Step) -> None:
    """Join, and speak until heard."""
    if step.member in cast:
        return
    again = cast.get(step.again) if step.again is not None else None
    person = crowd.join(again, room=step.room, narrow=step.narrow)
    cast[step.member] = person
    if not person.can_speak or not crowd.setting.workload.publishes:
        return
    crowd.speak(person, f"member {step.member} is here")
    if crowd.contract.audience is Audience.OTHERS and not crowd.contract.replies:
        speaker = _companion(crowd, person)
    else:
        speaker = person
    if speaker is not None:
        _wait_until_in(crowd, person, speaker)


def _companion(crowd: ClientPool, person: PoolMember) -> PoolMember | None:
    """Somebody of the same room who can make a member heard of that does not hear itself."""
    fit = (p for p in crowd.people if p.can_speak and not p.stalled and not p.misbehaved and p.room == person.room)
    return next((p for p in fit if p is not person), None)


def _wait_until_in(crowd: ClientPool, person: PoolMember, speaker: PoolMember) -> None:
    """Wait for the first receipt.

    Nothing is repeated where the 101 is all there is to a subscription. Where it takes a greeting, or somebody else
    has to speak, the server may not be through with it: so the speaker speaks again.
    """
    once = speaker is person and crowd.setting.workload.greeting(person.alias) is None
    deadline = Deadline.after(GIVEN_UP_S if crowd.gave_up else crowd.setting.patience_s)
    while speaker.can_speak:
        if speaker is not person:
            crowd.speak(speaker, "who is there?")
        patience_s = GIVEN_UP_S if crowd.gave_up else None if once else PROBE_S
        if crowd.wait(lambda: bool(person.in_ns) or not person.here, patience_s) or once or deadline.passed:
            break
        if speaker is person:
            crowd.speak(person, "still here")
    crowd.gave_up = crowd.gave_up or not person.in_ns


def _say(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    body = step.body
    if step.size_bytes:
        room = step.size_bytes - len(body.encode())
        body += body_of(room) if room > TRAILER_BYTES else ""
    if not step.cuts:
        crowd.speak(person, body, plain=step.plain)
        return
    message = crowd.say(person, body, plain=step.plain)
    payload = message if isinstance(message, bytes) else message.encode()
    frame = Frame(Opcode.BINARY if isinstance(message, bytes) else Opcode.TEXT, payload, mask=MASK).encode()
    places = sorted({len(frame) * cut // 100 for cut in step.cuts})
    for start, end in zip([0, *places], [*places, len(frame)], strict=True):
        if person.closed:
            return
        person.client.send_raw(frame[start:end])
        crowd.turn(0)


def _leave(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    {LeaveBy.CLOSE: crowd.close, LeaveBy.FIN: crowd.end_tcp, LeaveBy.RESET: crowd.reset}[step.way](person)


def _break(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    person.misbehaved = step.breaks.value
    person.owed.clear()
    person.client.send_raw(BREAKS[step.breaks]().encode())
    crowd.turn(0)


def _stall(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    crowd.settle()
    person.stalled = True
    person.owed.clear()
    person.client.stop_reading()


def _settle(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    crowd.settle()


def _flood(crowd: ClientPool, person: PoolMember, step: Step) -> None:
    for _ in range(step.count):
        if crowd.gave_up or not person.can_speak:
            return
        crowd.speak(person, body_of(step.size_bytes))
        crowd.settle()


def _watch(crowd: ClientPool, person: PoolMember | None, step: Step) -> None:
    """Until everyone who looks has seen this many objects more; given up when somebody's feed has stopped."""
    feed = crowd.contract.feed
    if feed is None:
        return
    patience_ns = silence_ns(feed) + NS // 10
    viewers = [p for p in crowd.people if p.here and not p.stalled and not p.misbehaved]
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
    """The barrier: once a later message of the same publisher has arrived, what is absent is absent for good."""
    crowd.settle()
    for person in crowd.people:
        speaks = person.can_speak and person.counts and crowd.setting.workload.publishes
        if speaks and not crowd.gave_up:
            crowd.speak(person, "last words")
    crowd.settle()


DEEDS: dict[Action, Callable[[ClientPool, PoolMember, Step], None]] = {
    Action.SAY: _say,
    Action.LEAVE: _leave,
    Action.BREAK: _break,
    Action.STALL: _stall,
    Action.SETTLE: _settle,
    Action.FLOOD: _flood,
    Action.WATCH: _watch,
}
