"""Turns what one standing member received into a history, so that the checks of other histories judge it too."""

from __future__ import annotations

from collections.abc import Sequence

from wsproof.model.history import Departure, History, Kind, Member, Outcome, Recorder, Tick
from wsproof.model.standing import PlayedSchedule, StandingRecord, StandingSession

GRACE_NS = 5_000_000_000
"""Time in ns after the end of a schedule in which its messages must have arrived."""


def known_keys(record: StandingRecord) -> set[tuple[int, int, int]]:
    """The keys of all publications on the channel."""
    return {publication.key for schedule in record.schedules for publication in schedule.publications}


def history_of(session: StandingSession, record: StandingRecord) -> History:
    """The history of one standing member, as member 0, and of all publications beside it.

    Schedules that are not judged are left out. A publication may be missing only if its time is over. So those of the
    last schedules have an unknown outcome, unless the member received a message of a later schedule: messages arrive
    in order on one connection. Members of two schedules are never the same, as the numbers begin anew on a fresh
    server. A text that members of its schedule also received changed is left out: their check reports it.
    """
    recorder = Recorder(start_ns=session.connected_ns, end_ns=session.until_ns, drained_ns=session.until_ns)
    numbers: dict[tuple[int, int], int] = {}
    publishers: list[Member] = []
    rows: dict[tuple[int, int, int], int] = {}
    changed = {each.key for schedule in record.schedules for each in schedule.publications if each.was_changed}
    settled = settled_schedules(session, record.schedules)
    for at, schedule in enumerate(record.schedules):
        for publication in schedule.publications if schedule.is_judged else ():
            is_own = publication.key == session.own
            number = 0 if is_own else numbers.setdefault((at, publication.publisher), len(numbers) + 1)
            if number > len(publishers):
                publishers.append(Member(number, publication.name, room=publication.room, left_ns=session.until_ns))
            rows[publication.key] = number
            is_due = at < settled and publication.was_received and not publication.was_changed
            outcome = Outcome.OK if is_due else Outcome.INFO
            recorder.published(number, publication.sequence, publication.sent_ns, publication.sent_ns, outcome=outcome)
    for message in session.received:
        publisher = rows.get(message.key)
        if publisher is not None and (message.intact or message.key not in changed):
            recorder.received(
                0, publisher, message.sequence, message.intended_ns, message.received_ns, message.kind, message.intact
            )
    recorder.ticks = [Tick(0, tick.received_ns, tick.value, tick.text) for tick in session.ticks]
    recorder.members = [_listener(session, rows), *publishers]
    return recorder.freeze()


def viewers_history(sessions: Sequence[StandingSession]) -> History:
    """The history of all standing viewers of a feed together, each session a member."""
    recorder = Recorder()
    for number, session in enumerate(sessions):
        ticks = [tick for tick in session.ticks if tick.received_ns <= session.until_ns]
        in_ns = ticks[0].received_ns if ticks else 0
        recorder.members.append(
            Member(number, session.name, connected_ns=session.connected_ns, in_ns=in_ns, room=session.room)
        )
        recorder.ticks += [Tick(number, tick.received_ns, tick.value, tick.text) for tick in ticks]
    recorder.ticks.sort(key=lambda tick: tick.received_ns)
    return recorder.freeze()


def _listener(session: StandingSession, rows: dict[tuple[int, int, int], int]) -> Member:
    """The standing member itself. It is in from its first delivery of this run on."""
    firsts = [
        message.received_ns for message in session.received if message.kind is Kind.DELIVERY and message.key in rows
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


def settled_schedules(session: StandingSession, schedules: tuple[PlayedSchedule, ...]) -> int:
    """The number of schedules whose messages must have reached this member."""
    received = {message.key for message in session.received}
    settled = 0
    for at, schedule in enumerate(schedules):
        if schedule.ended_ns + GRACE_NS <= session.until_ns:
            settled = at + 1
        elif any(publication.key in received for publication in schedule.publications):
            settled = max(settled, at)
    return settled
