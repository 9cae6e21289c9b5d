"""Delivery properties about joining while others publish, joining twice, coming back, and changing rooms."""

from __future__ import annotations

from wsproof.delivery.delivery_property import DeliveryProperty, asks_to_join, greets, is_shared
from wsproof.delivery.schedule import Action, LeaveBy, Schedule, Step
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.model.contract import Contract, Resume
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload

THREE = tuple(Step(Action.JOIN, number) for number in range(3))
"""Three members in one room."""


def _say(member: int, body: str = "hello") -> Step:
    return Step(Action.SAY, member, body)


IN_THE_MIDDLE: tuple[Schedule, ...] = (
    (*THREE, Step(Action.JOIN, 3, amid=True), Step(Action.JOIN, 4, amid=True), _say(0), _say(3)),
    (
        *THREE,
        Step(Action.LEAVE, 2, leave_by=LeaveBy.CLOSE),
        Step(Action.SETTLE),
        Step(Action.JOIN, 3, rejoin_as=2, amid=True),
        _say(0),
    ),
)
"""New members, and one that comes back, join while others publish."""

CROWD: Schedule = (
    *(Step(Action.JOIN, number) for number in range(12)),
    *(_say(number) for number in range(12)),
)
"""Enough members that each of a few workers serves several of them."""

CLEAN_WAYS = (LeaveBy.CLOSE, LeaveBy.FIN)
"""Ways to leave that do not make a server's send fail. What a reset does is tested by `reset-isolation`."""
BOTH_STAY: Schedule = (*THREE, Step(Action.JOIN, 3, rejoin_as=1), _say(0), _say(3), _say(1), _say(2))
"""Two connections of one name that both stay."""
TWO_CONNECTIONS: tuple[Schedule, ...] = tuple(
    (
        *THREE,
        Step(Action.JOIN, 3, rejoin_as=1),
        _say(0),
        _say(3),
        Step(Action.SETTLE),
        Step(Action.LEAVE, 1, leave_by=way),
        *(step for number in (0, 2, 0) for step in (Step(Action.SETTLE), _say(number))),
    )
    for way in CLEAN_WAYS
)
"""A second connection of one name, and then the end of the first."""
QUICK_RETURNS: tuple[Schedule, ...] = tuple(
    (
        *THREE,
        Step(Action.LEAVE, 1, leave_by=way),
        Step(Action.JOIN, 3, rejoin_as=1),
        *(step for number in (0, 2, 0) for step in (Step(Action.SETTLE), _say(number))),
    )
    for way in CLEAN_WAYS
)
"""A member that comes back possibly before the server has noticed its departure."""

AUDIENCE_PROPERTIES: tuple[DeliveryProperty, ...] = (
    DeliveryProperty(
        "cross-worker-delivery",
        "All members of a room hear each other, whichever worker of the server each is connected to.",
        is_shared,
        ("split-audience",),
        edges=(CROWD,),
    ),
)
"""Properties whose findings explain those of later properties."""

RETURNS: tuple[Schedule, ...] = tuple(
    (
        *THREE,
        _say(0),
        _say(2),
        Step(Action.SETTLE),
        Step(Action.LEAVE, 1, leave_by=way),
        Step(Action.SETTLE),
        *(_say(number, "while it is away") for number in (0, 2, 0, 2, 0)),
        Step(Action.SETTLE),
        Step(Action.JOIN, 3, rejoin_as=1, resumes=True),
        _say(0),
        _say(3),
    )
    for way in LeaveBy
)
"""A member is away while others publish, and comes back for the messages that it missed."""
RETURN_IN_THE_MIDDLE: Schedule = (
    *THREE,
    _say(0),
    Step(Action.SETTLE),
    Step(Action.LEAVE, 1, leave_by=LeaveBy.CLOSE),
    Step(Action.SETTLE),
    Step(Action.JOIN, 3, rejoin_as=1, resumes=True, amid=True),
    _say(0),
    _say(3),
)
"""A member comes back for the messages that it missed, while others continue to publish."""
MOVES: Schedule = (
    *(Step(Action.JOIN, number, room=number % 2) for number in range(4)),
    *(_say(number) for number in range(4)),
    Step(Action.MOVE, 4, rejoin_as=0, room=1),
    *(_say(number) for number in (2, 1, 4, 2, 3)),
    Step(Action.SETTLE),
    Step(Action.MOVE, 5, rejoin_as=4, room=0),
    *(_say(number) for number in (1, 2, 5, 3)),
)
"""A member of the first of two rooms moves to the other one, and back."""


AT_ONCE: tuple[Schedule, ...] = (
    (Step(Action.TOGETHER, 0, count=4), *(_say(number) for number in range(4))),
    (
        Step(Action.TOGETHER, 0, count=2),
        *(Step(Action.LEAVE, number, leave_by=LeaveBy.CLOSE) for number in range(2)),
        Step(Action.TOGETHER, 2, count=4),
        *(_say(number) for number in range(2, 6)),
    ),
)
"""Members join at the same moment, once in an empty channel and once while the last members leave."""
SILENT_CLIENT: Schedule = (
    Step(Action.JOIN, 0),
    Step(Action.JOIN, 1, silent=True),
    Step(Action.JOIN, 2),
    _say(0),
    _say(2),
    Step(Action.JOIN, 3),
    _say(3),
)
"""A client connects and sends nothing, and others join after it."""


def resumes(contract: Contract) -> bool:
    """Whether the channel promises a member that comes back the messages that it missed."""
    return is_shared(contract) and contract.resume is not Resume.NONE


def moves(workload: Workload, endpoint: Endpoint | None) -> bool:
    """Whether the members of this workload can change between rooms."""
    return workload.has_move and workload.rooms > 1


CONCURRENT_JOINS = DeliveryProperty(
    "concurrent-joins",
    "Members that join a room in one moment, the first in it or not, hear each other from then on.",
    is_shared,
    ("nothing-received", "lost", "duplicated", "misrouted"),
    standing=StandingPresence.AWAY,
    fresh=True,
    edges=AT_ONCE,
)
"""The property of members that join at the same moment."""
JOINING_PROPERTIES: tuple[DeliveryProperty, ...] = (
    DeliveryProperty(
        "late-join",
        "A member that joins while others publish gets its history and the live messages without a gap or a repeat.",
        is_shared,
        ("gap", "duplicated"),
        edges=IN_THE_MIDDLE,
    ),
    DeliveryProperty(
        "silent-client-isolation",
        "A client that connects and sends nothing keeps nobody else from joining.",
        is_shared,
        ("stalled-by-other-member", "nothing-received", "lost", "disconnected"),
        edges=(SILENT_CLIENT,),
        needs=asks_to_join,
        headline="A client that sends nothing after its handshake holds up the {channel} for the others",
    ),
    DeliveryProperty(
        "reconnect",
        "A name may reconnect at once, or have two connections: the end of the old one does not affect the new one.",
        is_shared,
        ("early-user-leave", "lost", "duplicated", "nothing-received"),
        edges=(BOTH_STAY, *TWO_CONNECTIONS, *QUICK_RETURNS),
        beside=("lost", "duplicated", "nothing-received"),
    ),
    DeliveryProperty(
        "double-subscription",
        "A member that sends its greeting twice still gets each message once.",
        is_shared,
        ("duplicated",),
        edges=((*THREE, Step(Action.GREET, 1), _say(0), _say(2), _say(1), _say(0)),),
        needs=greets,
    ),
    DeliveryProperty(
        "resuming",
        "A member that comes back gets all messages that were published while it was away, and none twice.",
        resumes,
        ("missed-while-away", "repeated-after-return", "gap", "lost", "duplicated", "nothing-received"),
        edges=(*RETURNS, RETURN_IN_THE_MIDDLE),
        beside=("lost", "duplicated", "nothing-received"),
    ),
    DeliveryProperty(
        "room-change",
        "A member that moves to another room receives the messages of that room from then on, and no others.",
        is_shared,
        ("misrouted", "lost", "duplicated", "nothing-received"),
        edges=(MOVES,),
        needs=moves,
        beside=("lost", "duplicated"),
    ),
)
"""The other properties of this file, in the order of execution."""
