"""One member of a crowd: its connection, what it is owed so far, and what has become of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from wsproof.model.history import Departure, Kind, Member
from wsproof.net.client import Client
from wsproof.wire import State


@dataclass(eq=False)
class SentMessage:
    """A publication; its outcome is settled at the end. `plain` is its text where it had no envelope.

    `forms` are the sealed text, and the whole message where that is a text.
    """

    publisher: int
    sequence: int
    sent_ns: int
    plain: str | None = None
    forms: tuple[str, ...] = ()
    heard_by: set[tuple[int, Kind]] = field(default_factory=set)


@dataclass(eq=False)
class PoolMember:
    """`alias` is the number that its name is made from: that of another where it took over an id."""

    number: int
    alias: int
    name: str
    client: Client
    connect_ns: int = 0
    connected_ns: int = 0
    in_ns: int = 0
    left_ns: int = 0
    departure: Departure = Departure.STAYED
    close_code: int | None = None
    stalled: bool = False
    misbehaved: str = ""
    room: int = 0
    refusal: str = ""
    """What the server answered to its handshake, where that was no."""
    heard_ns: int = 0
    """Its latest receipt: until then it was there for the server."""
    ticks: int = 0
    sequence: int = 0
    closed: bool = False
    """Its socket is gone: nothing can be read from it any more."""
    owed: set[tuple[int, int, Kind]] = field(default_factory=set)
    owed_notices: Counter[str] = field(default_factory=Counter)
    """Departures it is to be told of, minus those it was told of: below 0 where it heard of one before we did."""

    @property
    def here(self) -> bool:
        """Connected, and neither side has begun to end it."""
        return not self.left_ns and self.departure is Departure.STAYED

    @property
    def can_speak(self) -> bool:
        return self.here and self.client.peer.state is State.OPEN

    @property
    def counts(self) -> bool:
        """Whether anything is owed to it."""
        return self.here and bool(self.in_ns) and not self.stalled and not self.misbehaved

    @property
    def lacks_messages(self) -> bool:
        """Whether a message that is owed to it has not come."""
        return self.counts and bool(self.owed)

    @property
    def waits(self) -> bool:
        """Whether anything that is owed to it has not come."""
        return self.lacks_messages or (self.counts and any(count > 0 for count in self.owed_notices.values()))

    def member(self) -> Member:
        """As it stands in the history."""
        return Member(
            self.number,
            self.name,
            self.connect_ns,
            self.connected_ns,
            self.in_ns,
            self.left_ns,
            self.departure,
            self.close_code,
            self.stalled,
            self.misbehaved,
            self.room,
        )
