"""Delivery properties about leaving: the others get a notice, and the next member can join."""

from __future__ import annotations

from wsproof.delivery import departures
from wsproof.delivery.delivery_property import DeliveryProperty, is_shared
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.delivery.standing_presence import StandingPresence

SETTLE = Step(Action.SETTLE)
TWO = (Step(Action.JOIN, 0), Step(Action.JOIN, 1))
"""Two members that stay."""


def _say(member: int, body: str = "hello", size_bytes: int = 0) -> Step:
    return Step(Action.SAY, member, body, size_bytes)


def _go(member: int, how: str) -> Step:
    return Step(Action.DEPART, member, how=how)


ONE_BY_ONE: Schedule = (
    *TWO,
    *(
        step
        for number, how in enumerate(departures.DEPARTURES, 2)
        for step in (Step(Action.JOIN, number), _go(number, how), SETTLE, _say(0), _say(1))
    ),
)
"""Members join and leave, in every way, while two stay."""
ALL_AT_ONCE: Schedule = (
    *TWO,
    *(Step(Action.JOIN, number) for number in range(2, 10)),
    *(_go(number, how) for number, how in enumerate(list(departures.DEPARTURES)[::3], 2)),
    _say(0),
    SETTLE,
    Step(Action.JOIN, 20),
    _say(20),
    _say(1),
)
"""Eight members leave in the same moment."""
AMID_A_BROADCAST: Schedule = (
    *TWO,
    *(Step(Action.JOIN, number) for number in range(2, 6)),
    *(
        step
        for number, how in enumerate(
            ("TCP RST", "a close frame with code 1000", "TCP FIN", "a close frame, and TCP RST at once"), 2
        )
        for step in (_say(0, size_bytes=20_000), _say(1), _go(number, how), _say(0))
    ),
    SETTLE,
    Step(Action.ABANDON, count=6),
    _say(1),
)
"""Members leave while others publish, and handshakes are abandoned."""
LAST_ONE_OUT: Schedule = (
    *TWO,
    SETTLE,
    _go(0, "a close frame with code 1000"),
    _go(1, "a close frame with code 1000"),
    Step(Action.JOIN, 2),
    Step(Action.JOIN, 3),
    _say(2),
    SETTLE,
    _go(2, "TCP RST"),
    _go(3, "TCP FIN"),
    Step(Action.JOIN, 4),
    Step(Action.JOIN, 5),
    _say(5),
    SETTLE,
    _go(4, "a close frame without a code"),
    _go(5, "TCP RST in the middle of a frame"),
    Step(Action.JOIN, 6),
    _say(6),
)
"""The last member leaves, and the next one joins in the same moment."""
FIRST_ONE_OUT: Schedule = (
    *TWO,
    Step(Action.JOIN, 2),
    SETTLE,
    _go(0, "a close frame with code 1000"),
    SETTLE,
    _say(1),
    _say(2),
)
"""The member leaves for which the server created the room, and the others stay."""

CHECKS_OF_DEPARTURES = (
    "missing-leave",
    "duplicate-leave",
    "false-leave",
    "nothing-received",
    "lost",
    "disconnected",
    "duplicated",
    "corrupt",
    "phantom",
)
"""The checks whose findings belong to the properties of this file."""
DEPARTURES = DeliveryProperty(
    "departures",
    "However a member leaves, the others get every message and a notice, and the next member can join.",
    is_shared,
    CHECKS_OF_DEPARTURES,
    standing=StandingPresence.CONNECTED,
    edges=(ONE_BY_ONE, ALL_AT_ONCE, AMID_A_BROADCAST),
)
"""The property of members that leave while others stay."""
LAST_DEPARTURE = DeliveryProperty(
    "last-departure",
    "The channel serves those who stay when its first member leaves, and the next one, even at once, after its last.",
    is_shared,
    CHECKS_OF_DEPARTURES,
    standing=StandingPresence.AWAY,
    edges=((*TWO, _say(0), _say(1)), LAST_ONE_OUT, FIRST_ONE_OUT),
)
"""The property of the first member that leaves, and of the last."""
