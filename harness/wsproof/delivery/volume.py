"""Volume: streams at a rate that the server can take, bursts of several members at once, and crowds."""

from __future__ import annotations

from itertools import cycle, islice

from wsproof.delivery.client_pool import ClientPool
from wsproof.delivery.member import PoolMember
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.model.contract import Audience
from wsproof.model.envelope import body_of
from wsproof.model.history import Departure
from wsproof.model.suite import Figure
from wsproof.net.clock import Deadline, now_ns
from wsproof.wire import HttpRequest

STREAM_S = 2.5
"""Seconds that a stream may take."""
BURST_S = 3.0
"""Seconds that the server may need for a burst, at the rate that it had before. Larger bursts are left out."""
CROWD_S = 2.0
"""Seconds in which the members of a crowd may connect."""
BETTER = 1.2
"""A chunk twice as long is worth it if messages pass faster by this factor."""
LONGEST_CHUNK = 512
"""Most messages that are on their way at once in a stream."""
BEYOND = 400
"""Messages that tell a limit on the rate from a loss."""
BEYOND_S = 3.0
"""Seconds to wait for them, at most."""
QUIET_S = 0.3
"""Seconds without a message after which no more is waited for."""
PROBE_S = 0.5
"""Seconds between two messages that show whether a crowd is subscribed."""
VOLUME = frozenset({Action.STREAM, Action.BURST, Action.CROWD})
"""The actions of this module."""


def has_volume(schedule: Schedule) -> bool:
    """Whether a schedule sends so much, or lets so many join, that a server may defend itself."""
    return any(step.action in VOLUME for step in schedule)


def stream(crowd: ClientPool, step: Step) -> None:
    """Publish `count` messages of all members in turn, in chunks that double while the server keeps up.

    The next chunk begins when everybody has the one before. It ends early when a message is missing or time is up.
    """
    deadline, said, chunk, best = Deadline.after(crowd.setting.budget.at_most(STREAM_S)), 0, 1, 0.0
    while said < step.count and not deadline.passed:
        began = now_ns()
        sent = _say_in_turn(crowd, min(chunk, step.count - said), step.size_bytes)
        crowd.settle()
        said += sent
        if crowd.gave_up:
            _go_on_beyond(crowd, step.size_bytes)
        if crowd.gave_up or not sent:
            break
        rate = sent / max((now_ns() - began) / 1e9, 1e-6)
        if rate > BETTER * best and chunk < LONGEST_CHUNK:
            chunk *= 2
        best = max(best, rate)
    crowd.rate = max(crowd.rate, best)
    crowd.measured["messages streamed"] = Figure("messages streamed", crowd_total(crowd, "messages streamed") + said)
    crowd.measured["rate taken"] = Figure("rate taken", crowd.rate, "/s")


def _go_on_beyond(crowd: ClientPool, size_bytes: int) -> None:
    """Say much more at once, where a message is missing: a server that limits the rate now discards most of it."""
    _say_at_once(crowd, BEYOND, size_bytes)
    deadline, heard = Deadline.after(crowd.setting.budget.at_most(BEYOND_S)), -1
    while crowd.heard != heard and not deadline.passed:
        heard = crowd.heard
        crowd.wait(lambda: False, QUIET_S)


def crowd_total(crowd: ClientPool, name: str) -> float:
    """The value of a figure so far."""
    return crowd.measured[name].value if name in crowd.measured else 0.0


def burst(crowd: ClientPool, step: Step) -> None:
    """Publish `count` messages of several members at once, and then wait for all of them.

    Each member writes all of its messages in one piece, so that the server has them before it has told anybody.
    A burst is left out if the server would need too long for it at the rate of the stream before.
    """
    if crowd.gave_up or (crowd.rate and step.count > crowd.rate * BURST_S):
        return
    sent = _say_at_once(crowd, step.count, step.size_bytes)
    if not crowd.settle():
        _go_on_beyond(crowd, step.size_bytes)
    crowd.measured["largest burst"] = Figure("largest burst", max(sent, crowd_total(crowd, "largest burst")))


def _say_in_turn(crowd: ClientPool, count: int, size_bytes: int) -> int:
    """Let the members that can speak say `count` messages in turn. Returns how many were said."""
    said = 0
    for person in islice(cycle(_speakers(crowd)), count):
        if person.can_speak:
            crowd.speak(person, body_of(size_bytes) if size_bytes else "")
            said += 1
    return said


def _say_at_once(crowd: ClientPool, count: int, size_bytes: int) -> int:
    """Let the members that can speak say `count` messages, each member all of its own in one piece."""
    said = 0
    for person in islice(cycle(_speakers(crowd)), count):
        message = crowd.say(person, body_of(size_bytes) if size_bytes else "")
        if isinstance(message, HttpRequest):
            crowd.request(person, message)
        else:
            crowd.put(person, message)
        said += 1
    return said


def _speakers(crowd: ClientPool) -> list[PoolMember]:
    return [person for person in crowd.people if person.can_speak and person.counts]


def gather_crowd(crowd: ClientPool, cast: dict[int, PoolMember], step: Step) -> None:
    """Let `count` more members join, until the server refuses one or time is up, and wait until they are subscribed."""
    deadline, new = Deadline.after(crowd.setting.budget.at_most(CROWD_S)), list[PoolMember]()
    for number in range(step.member, step.member + step.count):
        if deadline.passed or crowd.gave_up:
            break
        person = crowd.join(room=step.room)
        cast[number] = person
        if not person.can_speak:
            if person.conversation is not None and person.conversation.is_refused:
                # The room is full, and the server says so: others refuse the handshake.
                person.departure, person.join_fault = Departure.REFUSED, ""
            break
        new.append(person)
    here = sum(person.can_speak for person in crowd.people)
    crowd.measured["members at once"] = Figure("members at once", max(here, crowd_total(crowd, "members at once")))
    if crowd.setting.workload.publishes and not crowd.gave_up:
        _let_all_in(crowd, new)


def _let_all_in(crowd: ClientPool, new: list[PoolMember]) -> None:
    """Publish until each new member has received something, first by one that is in already, then by each itself."""
    deadline = Deadline.after(crowd.setting.patience_s)
    speaker = next((one for one in crowd.people if one.can_speak and one.counts and one not in new), None)
    heard_by_all = crowd.contract.audience in (Audience.EVERYONE, Audience.OTHERS)
    while not deadline.passed:
        outside = [one for one in new if one.here and not one.in_ns]
        if not outside:
            return
        if speaker is not None and speaker.can_speak and heard_by_all:
            crowd.speak(speaker, "who is there?")
        else:
            for person in outside:
                crowd.speak(person, "here")
        speaker = None
        crowd.wait(lambda: all(one.in_ns or not one.here for one in new), PROBE_S)
    crowd.gave_up = crowd.gave_up or any(one.here and not one.in_ns for one in new)
