"""Records of standing members: connections that only listen for the whole run of the channels suite."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from wsproof.model.history import Kind, Tick


class StandingRole(StrEnum):
    """The role of a standing member."""

    IDLE = "only listened"
    """The member publishes once when it joins. Then it reads and answers pings."""
    UNRESPONSIVE = "listened and answered no pings"
    """The member sends nothing at all. Servers may cut it off."""
    ELSEWHERE = "only listened in another room"


@dataclass(frozen=True, slots=True)
class StandingReceipt:
    """A publication or a reply that a standing member received, identified by its envelope."""

    publisher: int
    sequence: int
    intended_ns: int
    received_ns: int
    kind: Kind
    intact: bool

    @property
    def key(self) -> tuple[int, int, int]:
        """The key of its publication."""
        return self.publisher, self.sequence, self.intended_ns


@dataclass(frozen=True)
class StandingSession:
    """One connection of a standing member, from the handshake to the end of the time that is judged."""

    role: StandingRole
    name: str
    room: int
    connected_ns: int
    until_ns: int
    """End of the judged time: when we left, when the server disconnected it, or when a schedule broke the server."""
    was_cut_off: bool = False
    close_code: int | None = None
    """The code of the server's close frame; None without a close frame or without a code."""
    closed: bool = False
    """Whether the server sent a close frame."""
    refusal: str = ""
    """The server's refusal of the handshake; empty if it accepted."""
    pings_ns: tuple[int, ...] = ()
    received: tuple[StandingReceipt, ...] = ()
    ticks: tuple[Tick, ...] = ()
    leave_notices: tuple[tuple[str, int], ...] = ()
    """Leave notices that it received: name and time."""
    own: tuple[int, int, int] | None = None
    """The key of the one message that it published itself."""
    joined_ns: int = 0
    """The time at which it had joined the channel; `until_ns` if it never joined."""
    other_messages: tuple[tuple[str, int], ...] = ()
    """Messages that are no publications, such as heartbeats: the text without numbers, and the time of the first."""

    @property
    def seconds(self) -> float:
        """Length of the judged time in seconds."""
        return (self.until_ns - self.connected_ns) / 1e9

    def must_receive(self, publication: PoolPublication) -> bool:
        """Whether it was published in the member's room while the member was in, and another member received it."""
        is_in = max(self.connected_ns, self.joined_ns) < publication.sent_ns < self.until_ns
        return is_in and publication.was_received and publication.room == self.room


@dataclass(frozen=True, slots=True)
class PoolPublication:
    """A publication of a schedule. `was_received`: a member of the schedule received it.

    `was_changed`: a member of the schedule received it with a changed text.
    """

    publisher: int
    sequence: int
    sent_ns: int
    room: int
    name: str
    was_received: bool
    was_changed: bool = False

    @property
    def key(self) -> tuple[int, int, int]:
        """Its key from the envelope. The time makes it unique over all schedules and channels."""
        return self.publisher, self.sequence, self.sent_ns


TimeSpan: TypeAlias = tuple[int, int]
"""Beginning and end of a time, in ns."""
Flood: TypeAlias = TimeSpan
"""The time in which the suite itself kept the server busy."""
LEAST_FLOOD = 300
"""Number of publications from which a schedule is a flood. Those of the check `volume` have some thousands."""


@dataclass(frozen=True)
class PlayedSchedule:
    """A schedule that ran beside the standing members.

    `publications` are those with an envelope. `ended_ns` is the time at which the schedule was over.
    """

    publications: tuple[PoolPublication, ...]
    ended_ns: int
    is_judged: bool = True
    """Whether standing members must receive its publications. They need not if the schedule may disturb them."""

    @property
    def flood(self) -> Flood | None:
        """The time in which this schedule kept the server busy; None for one that publishes little."""
        if len(self.publications) < LEAST_FLOOD:
            return None
        return min(publication.sent_ns for publication in self.publications), self.ended_ns


@dataclass(frozen=True)
class StandingRecord:
    """What the standing members of one channel received, and what others published in that time.

    `elsewhere` maps the keys of publications on other channels to the channel's name. `floods` are those of all
    channels. In the times `unjudged` a check of this channel ran that may have disturbed its members.
    """

    sessions: tuple[StandingSession, ...]
    schedules: tuple[PlayedSchedule, ...] = ()
    elsewhere: dict[tuple[int, int, int], str] = field(default_factory=dict)
    floods: tuple[Flood, ...] = ()
    unjudged: tuple[TimeSpan, ...] = ()

    @property
    def disturbed(self) -> tuple[TimeSpan, ...]:
        """The times in which the server may have been busy with the suite's own messages."""
        return self.floods + self.unjudged
