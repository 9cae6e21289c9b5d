"""The standing audience: members of every channel that only listen, beside all schedules of the suite."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from wsproof.delivery.execute import ScheduleExecution
from wsproof.delivery.standing_connection import StandingConnection, connect
from wsproof.delivery.standing_reader import StandingReader
from wsproof.errors import TargetError
from wsproof.model.history import Kind, Outcome
from wsproof.model.standing import (
    PlayedSchedule,
    PoolPublication,
    StandingRecord,
    StandingRole,
    StandingSession,
    TimeSpan,
)
from wsproof.net.clock import now_ns
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload

DEADLINE_S = 2.0
"""Seconds that a standing member waits for its handshake."""
SEARCHED = 100
"""Member numbers to try, to find one in another room."""
MOST_JOINS = 40
"""Maximum number of joins of standing members of one channel: the server may disconnect them each time."""


@dataclass(eq=False)
class _ChannelMembers:
    """The standing members of one channel: the connected ones, and the sessions of earlier ones."""

    workload: Workload
    members: list[StandingConnection] = field(default_factory=list)
    sessions: list[StandingSession] = field(default_factory=list)
    schedules: list[PlayedSchedule] = field(default_factory=list)
    joins: int = 0
    unjudged_since_ns: int = 0
    """The time since which a check runs beside which the members are not judged; 0 beside all others."""
    unjudged: list[TimeSpan] = field(default_factory=list)
    """The times of earlier checks of this kind."""

    def begin_unjudged(self) -> None:
        """Judge nothing that the members receive from now on."""
        self.unjudged_since_ns = now_ns()
        for member in self.members:
            member.is_tolerant = True

    def end_unjudged(self) -> None:
        """Judge again what the members receive."""
        self.unjudged.append((self.unjudged_since_ns, now_ns()))
        self.unjudged_since_ns = 0

    def judged_until_ns(self, member: StandingConnection, until_ns: int) -> int:
        """The end of the judged time of a member's session: an end of the connection may be an effect of a check."""
        now = [(self.unjudged_since_ns, until_ns)] if self.unjudged_since_ns else []
        return next((begin for begin, end in (*self.unjudged, *now) if begin <= member.ended_ns <= end), until_ns)


class StandingAudience:
    """Standing members of several channels of one server.

    They join between schedules, and leave before the server is replaced. They withdraw if the server takes so few
    connections that it refuses members of a schedule because of them.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._channels: dict[str, _ChannelMembers] = {}
        self._reader = StandingReader()
        self.withdrawn = ""
        """The reason why no standing members join any more; empty while they do."""

    @property
    def is_here(self) -> bool:
        """Whether a standing member is connected to any channel."""
        return any(channel.members for channel in self._channels.values())

    @property
    def has_open_members(self) -> bool:
        """Whether the connection of a standing member of any channel is open, as far as is known."""
        return any(member.is_open for channel in self._channels.values() for member in channel.members)

    def is_open(self, name: str) -> bool:
        """Whether the connection of a standing member of this channel is open, as far as is known."""
        channel = self._channels.get(name)
        return channel is not None and any(member.is_open for member in channel.members)

    def objects_received(self, name: str) -> int:
        """The number of objects of a feed that its idle viewers have received, one after the other."""
        channel = self._channels[name]
        now = sum(len(member.ticks) for member in channel.members if member.role is StandingRole.IDLE)
        return now + sum(len(session.ticks) for session in channel.sessions if session.role is StandingRole.IDLE)

    def gather(self, endpoint: Endpoint, workload: Workload, first: int) -> int:
        """Let the members of one channel join, with the numbers from `first` on. Returns the next free number.

        Members that are connected already stay. A server that does not answer, or refuses them, has no standing members
        for now.
        """
        channel = self._channels.setdefault(workload.name, _ChannelMembers(workload))
        self._part(
            channel,
            [member_or_session for member_or_session in channel.members if not member_or_session.is_open],
            now_ns(),
        )
        if self.withdrawn:
            return first
        roles = {member_or_session.role for member_or_session in channel.members}
        for role, room in _parts(workload):
            if role in roles or channel.joins >= MOST_JOINS or _was_refused(channel, role):
                continue
            alias = next((n for n in range(first, first + SEARCHED) if workload.room_of(n) == room), None)
            if alias is None:
                continue
            first = alias + 1
            channel.joins += 1
            try:
                member = connect(endpoint, workload, alias, role, deadline_s=DEADLINE_S, seed=self._seed + alias)
            except TargetError:
                break
            channel.members.append(member)
            if member.is_open:
                self._reader.add([member])
        return first

    def note(self, workload: Workload, execution: ScheduleExecution, first: int) -> None:
        """Note the publications of a schedule on this channel, whose members are numbered from `first` on."""
        channel = self._channels.setdefault(workload.name, _ChannelMembers(workload))
        channel.schedules.append(played(execution, first, is_judged=not channel.unjudged_since_ns))

    @contextmanager
    def unjudged(self, name: str) -> Iterator[None]:
        """Judge nothing that the members of a channel receive in this block: its check may disturb them."""
        channel = self._channels.get(name)
        if channel is None:
            yield
            return
        channel.begin_unjudged()
        try:
            yield
        finally:
            channel.end_unjudged()

    def leave(self, name: str | None = None, until_ns: int | None = None) -> None:
        """Let the members of one channel leave, or of all. They are judged for the time until `until_ns`."""
        until_ns = now_ns() if until_ns is None else until_ns
        for channel in self._channels.values():
            if name is None or channel.workload.name == name:
                self._part(channel, list(channel.members), until_ns)

    def withdraw(self, reason: str) -> None:
        """Leave, and do not join again."""
        self.withdrawn = reason
        self.leave()

    def knows(self, name: str) -> bool:
        """Whether it has listened to this channel. It has not if all checks of the channel ran alone."""
        return name in self._channels

    def record(self, name: str) -> StandingRecord:
        """The observations of the standing members of a channel. Members that are still connected leave."""
        self.leave(name)
        channel = self._channels.get(name)
        if channel is None:
            return StandingRecord(())
        elsewhere = {
            publication.key: other
            for other, members in self._channels.items()
            if other != name
            for schedule in members.schedules
            for publication in schedule.publications
        }
        floods = tuple(
            schedule.flood
            for members in self._channels.values()
            for schedule in members.schedules
            if schedule.flood is not None and (schedule.is_judged or members is not channel)
        )
        return StandingRecord(
            tuple(channel.sessions), tuple(channel.schedules), elsewhere, floods, tuple(channel.unjudged)
        )

    def stop(self) -> None:
        """Leave, and end the reading thread."""
        try:
            self.leave()
        finally:
            self._reader.stop()

    def _part(self, channel: _ChannelMembers, members: list[StandingConnection], until_ns: int) -> None:
        self._reader.take_back(members)
        for member in members:
            channel.members.remove(member)
            if member.spoke_ns:
                channel.schedules.insert(0, _arrival(member))
            judged_ns = channel.judged_until_ns(member, until_ns)
            if member.connected_ns < judged_ns:
                channel.sessions.append(member.session(judged_ns))
            member.leave()


def _parts(workload: Workload) -> list[tuple[StandingRole, int]]:
    """The roles of a channel's standing members, each with its room."""
    parts = [(StandingRole.IDLE, 0), (StandingRole.UNRESPONSIVE, 0)]
    return [*parts, (StandingRole.ELSEWHERE, 1)] if workload.rooms > 1 else parts


def _arrival(member: StandingConnection) -> PlayedSchedule:
    """The message that a standing member published when it joined. It is not known whether others received it."""
    name, room = member.workload.name_of(member.alias), member.workload.room_of(member.alias)
    publication = PoolPublication(member.alias, 0, member.spoke_ns, room, name, was_received=False)
    return PlayedSchedule((publication,), member.spoke_ns)


def _was_refused(channel: _ChannelMembers, role: StandingRole) -> bool:
    return any(member_or_session.refusal and member_or_session.role is role for member_or_session in channel.sessions)


def played(execution: ScheduleExecution, first: int, *, is_judged: bool = True) -> PlayedSchedule:
    """The publications of a schedule, for the checks of standing members."""
    history = execution.history
    sent, receipts = history.publications, history.receipts
    is_intact, deliveries = receipts.intact == 1, receipts.kind == Kind.DELIVERY
    heard, changed = (
        set(zip(receipts.publisher[rows].tolist(), receipts.sequence[rows].tolist(), strict=True))
        for rows in (deliveries & is_intact, deliveries & ~is_intact)
    )
    publications = tuple(
        PoolPublication(
            first + publisher,
            sequence,
            sent_ns,
            history.members[publisher].room,
            history.members[publisher].name,
            outcome == Outcome.OK and (publisher, sequence) in heard,
            was_changed=(publisher, sequence) in changed,
        )
        for publisher, sequence, sent_ns, outcome in zip(
            sent.publisher.tolist(), sent.sequence.tolist(), sent.sent_ns.tolist(), sent.outcome.tolist(), strict=True
        )
        if (publisher, sequence) not in execution.plain
    )
    return PlayedSchedule(publications, history.drained_ns, is_judged=is_judged)
