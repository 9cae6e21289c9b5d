"""Contracts of channels: what a channel promises. Checks compare a history with a contract."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Audience(StrEnum):
    """The members that must receive a publication."""

    NOBODY = "nobody"
    PUBLISHER = "publisher"
    """The publisher only: an echo."""
    EVERYONE = "everyone"
    """All subscribers, including the publisher."""
    OTHERS = "others"


class Order(StrEnum):
    """The order of receipts that a channel promises."""

    NONE = "none"
    PER_PUBLISHER = "per-publisher"
    TOTAL = "total"


class Resume(StrEnum):
    """The promise to a member that comes back about the messages that it missed."""

    NONE = "none"
    SINCE_LAST = "since-last"
    """The member tells the server its last message (`Workload.resume`), and gets the later ones."""
    HISTORY = "history"
    """The server sends the latest messages to each member that joins."""

    @property
    def in_words(self) -> str:
        """The promise as a clause."""
        return {
            Resume.NONE: "a member that comes back starts without the messages that it missed",
            Resume.SINCE_LAST: "a member that comes back gets all messages after the last one that it received",
            Resume.HISTORY: "a member that comes back gets the messages that it missed in the server's history",
        }[self]


@dataclass(frozen=True)
class Range:
    """The values that a field of a feed may have, both ends included."""

    low: float
    high: float
    integer: bool = False


@dataclass(frozen=True)
class Feed:
    """A channel that sends by itself: its period, and the fields of each JSON object that it sends."""

    period_s: float
    fields: tuple[tuple[str, Range], ...]
    shared: bool = True
    """Whether all viewers of a room receive the same objects. False if each viewer has a feed of its own."""


@dataclass(frozen=True)
class RateLimit:
    """The limit on what one member may publish: at most `messages` in any `window_s` seconds."""

    messages: int
    window_s: float

    @property
    def in_words(self) -> str:
        """The limit as a phrase."""
        return f"{self.messages} messages in {self.window_s:g} s"


@dataclass(frozen=True)
class Contract:
    """The promises of a channel to its members.

    `order` is the promised order: breaking it is a violation. `agreed_order` says that a good server delivers in one
    order to all members: its absence is a non-strict finding. `replies`: each publication is answered to its publisher
    alone. `leaves`: the server tells the others once when a member leaves in any way. `binary` is the response to a
    binary frame: "echo" or "refused-or-ignored". `keeps_idle_s`: the server keeps a member that only listens for this
    many seconds; None without a promise, so that the server may disconnect it.
    """

    channel: str
    audience: Audience
    order: Order = Order.PER_PUBLISHER
    agreed_order: bool = False
    replies: bool = False
    leaves: bool = False
    binary: str = "refused-or-ignored"
    feed: Feed | None = None
    keeps_idle_s: float | None = None
    public: bool = False
    """Whether anybody may listen. A token then only identifies a member."""
    private_rooms: bool = False
    """Whether the credentials of a member open its own room only."""
    resume: Resume = Resume.NONE
    """The missed messages that a returning member gets."""
    connections: int | None = None
    """The number of members that the server accepts and serves at the same time. None: no promise."""
    rate_limit: RateLimit | None = None
    """The limit on one member's publications, within which all are delivered. None: no promise."""
    revoked_within_s: float = 5.0
    """Seconds for which a member may still be served after its access was revoked (`Workload.revoke`)."""
    recovers_within_s: float = 10.0
    """Seconds after a disturbance until all members must receive each other's messages again."""
    last_messages: bool = True
    """Whether the server delivers what a member sends right before it leaves."""
    origins: tuple[str, ...] = ()
    """The origins of the pages that may connect, such as `https://app.example`. Empty: no promise."""
