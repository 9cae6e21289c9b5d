"""Turns what one standing member saw into a history, so that the checks of other histories judge it too."""

from __future__ import annotations

from wsproof.model.history import Departure, History, Kind, Member, Outcome, Recorder, Tick
from wsproof.model.standing import PlayedSchedule, StandingRecord, StandingSession

GRACE_NS = 5_000_000_000
"""A message of a schedule that ended this long ago has had its time to come."""


def known_keys(record: StandingRecord) -> set[tuple[int, int, int]]:
    """The keys of all publications on the channel."""
    return {said.key for schedule in record.schedules for said in schedule.publications}


def history_of(session: StandingSession, record: StandingRecord) -> History:
    """The history of one standing member, as member 0, and of all publications beside it.

    A publication may be missing only if its time is over. So those of the last schedules have an unknown outcome,
    unless the member heard something of a later schedule: messages come in order on one connection. Members of two
    schedules are never the same, as the numbers begin anew on a fresh server.
    """
    recorder = Recorder(start_ns=session.connected_ns, end_ns=session.until_ns, drained_ns=session.until_ns)
    numbers: dict[tuple[int, int], int] = {}
    publishers: list[Member] = []
    rows: dict[tuple[int, int, int], int] = {}
    settled = _settled(session, record.schedules)
    for at, schedule in enumerate(record.schedules):
        for said in schedule.publications:
            is_own = said.key == session.own
            number = 0 if is_own else numbers.setdefault((at, said.publisher), len(numbers) + 1)
            if number > len(publishers):
                publishers.append(Member(number, said.name, room=said.room, left_ns=session.until_ns))
            rows[said.key] = number
            outcome = Outcome.OK if at < settled and said.was_heard else Outcome.INFO
            recorder.published(number, said.sequence, said.sent_ns, said.sent_ns, outcome=outcome)
    for one in session.heard:
        publisher = rows.get((one.publisher, one.sequence, one.intended_ns))
        if publisher is not None:
            recorder.received(0, publisher, one.sequence, one.intended_ns, one.received_ns, one.kind, one.intact)
    recorder.ticks = [Tick(0, tick.received_ns, tick.value, tick.text) for tick in session.ticks]
    recorder.members = [_listener(session, rows), *publishers]
    return recorder.freeze()


def _listener(session: StandingSession, rows: dict[tuple[int, int, int], int]) -> Member:
    """The standing member itself. It is in from its first delivery of this run on."""
    firsts = [
        one.received_ns
        for one in session.heard
        if one.kind is Kind.DELIVERY and (one.publisher, one.sequence, one.intended_ns) in rows
    ]
    firsts += [tick.received_ns for tick in session.ticks[:1]]
    return Member(
        0,
        session.name,
        connected_ns=session.connected_ns,
        in_ns=min(firsts, default=0),
        departure=Departure.STAYED,
        room=session.room,
    )


def _settled(session: StandingSession, schedules: tuple[PlayedSchedule, ...]) -> int:
    """The number of schedules whose messages have had their time to reach this member."""
    heard = {(one.publisher, one.sequence, one.intended_ns) for one in session.heard}
    settled = 0
    for at, schedule in enumerate(schedules):
        if schedule.ended_ns + GRACE_NS <= session.until_ns:
            settled = at + 1
        elif any(said.key in heard for said in schedule.publications):
            settled = max(settled, at)
    return settled
