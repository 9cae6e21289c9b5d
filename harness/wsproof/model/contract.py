"""What a channel promises. Checks hold a history against a contract; nothing else knows what is right."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Audience(StrEnum):
    """Who is owed a publication."""

    NOBODY = "nobody"
    PUBLISHER = "publisher"
    """Only the one who said it: an echo."""
    EVERYONE = "everyone"
    """All subscribers, the publisher too."""
    OTHERS = "others"


class Order(StrEnum):
    """Which order of receipts is promised."""

    NONE = "none"
    PER_PUBLISHER = "per-publisher"
    TOTAL = "total"


@dataclass(frozen=True)
class Range:
    """The values a field of a feed may have; both ends belong to it."""

    low: float
    high: float
    integer: bool = False


@dataclass(frozen=True)
class Feed:
    """A channel that speaks by itself: its period, and the fields of each JSON object it sends."""

    period_s: float
    fields: tuple[tuple[str, Range], ...]


@dataclass(frozen=True)
class Contract:
    """What a channel promises to those connected.

    `order` is what is promised (breaking it is a violation); `agreed_order` says that one order for all members is what
    a good server gives (its absence is a non-strict finding). `replies`: each publication is answered to its publisher
    alone. `leaves`: the rest are told, once, when a member has gone, however it went. `binary` says what a binary frame
    gets: "echo", "refused-or-ignored".
    """

    channel: str
    audience: Audience
    order: Order = Order.PER_PUBLISHER
    agreed_order: bool = False
    replies: bool = False
    leaves: bool = False
    binary: str = "refused-or-ignored"
    feed: Feed | None = None
