"""The delivery properties: each a promise with the schedules that test it. To add one, list it in PROPERTIES."""

from __future__ import annotations

from wsproof.delivery import strategies
from wsproof.delivery.access_properties import ACCESS_PROPERTIES
from wsproof.delivery.delivery_property import (
    DeliveryProperty,
    delivers_last_messages,
    is_fed,
    is_spoken,
)
from wsproof.delivery.departure_properties import DEPARTURES, LAST_DEPARTURE
from wsproof.delivery.joining_properties import AUDIENCE_PROPERTIES, CONCURRENT_JOINS, JOINING_PROPERTIES, THREE
from wsproof.delivery.people_properties import MALFORMED, NAMES
from wsproof.delivery.schedule import Action, LeaveBy, Misbehaviour, Schedule, Step
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.delivery.volume_properties import PAUSED_READER, VOLUME

FLOOD_BYTES = 60_000
"""Size in bytes of each message of a flood."""
FLOOD_MESSAGES = 80
"""Number of messages in a flood.

Together they are 4.8 MB for one member. That exceeds what the kernel (up to 2.8 MB per socket, measured) and a server's
send buffer hold for it.
"""
LIVELY = 7
"""Number of feed objects to watch for: two more than a period needs, since the first may be a snapshot."""


DELIVERY = ("nothing-received", "lost", "disconnected", "duplicated", "misrouted", "corrupt", "phantom")
"""The checks of plain delivery."""
ISOLATION = ("stalled-by-other-member", "lost", "disconnected", "false-leave")
"""The checks for harm that one member's misbehaviour does to bystanders."""
TWO_ROOMS = tuple(Step(Action.JOIN, number, room=number % 2) for number in range(4))
"""Four members in two rooms. Without rooms on the channel, all four are in one."""


def _say(member: int, body: str = "hello", **more: int) -> Step:
    return Step(Action.SAY, member, body, more.get("size_bytes", 0))


def _watch(count: int = LIVELY) -> Step:
    return Step(Action.WATCH, count=count)


ALL_EDGES: Schedule = (
    Step(Action.JOIN, 0),
    Step(Action.JOIN, 1),
    *(_say(n % 2, body) for n, body in enumerate(strategies.EDGE_TEXTS)),
    _say(0, strategies.WIDE_TEXT),
    # Sent as it is only if the workload accepts any text. Otherwise `fitted` sends it through publish().
    Step(Action.SAY, 0, plain=True),
    *(_say(n % 2, "", size_bytes=size) for n, size in enumerate((125, 126, 127, strategies.LONGEST_BYTES))),
)
"""Two members that exchange texts and message sizes at the limits of encodings and frame headers."""

PROPERTIES: tuple[DeliveryProperty, ...] = (
    *AUDIENCE_PROPERTIES,
    DeliveryProperty(
        "delivery",
        "Each message reaches its audience once and unchanged, and no other member; a reply reaches only its sender.",
        is_spoken,
        (*DELIVERY, "protocol"),
        edges=(
            ALL_EDGES,
            (*THREE, *(_say(n % 3) for n in range(6))),
            (*TWO_ROOMS, *(_say(n % 4) for n in range(8))),
            (Step(Action.JOIN, 0), Step(Action.SAY, 0, "in pieces", cuts=(1, 3, 50))),
        ),
        schedules=strategies.conversations,
    ),
    CONCURRENT_JOINS,
    LAST_DEPARTURE,
    DeliveryProperty(
        "order",
        "Messages of one publisher arrive in the order in which they were sent, and in the same order at all members.",
        is_spoken,
        ("reordered", "total-order"),
        edges=((*THREE, *(_say(n % 3) for n in range(30))),),
        schedules=strategies.bursts,
        share=0.4,
    ),
    DeliveryProperty(
        "leave-notices",
        "When a member leaves, in any way, the server tells the others once, and not before.",
        lambda contract: contract.leaves,
        (
            "missing-leave",
            "duplicate-leave",
            "false-leave",
            "misrouted-leave",
            "message-after-leave",
            "lost",
            "disconnected",
        ),
        beside=("lost", "disconnected"),
        edges=tuple((*THREE, _say(1), Step(Action.LEAVE, 1, leave_by=way)) for way in (LeaveBy.CLOSE, LeaveBy.FIN))
        + tuple(
            (
                *THREE,
                Step(Action.LEAVE, 1, leave_by=way),
                Step(Action.SETTLE),
                Step(Action.JOIN, 3, rejoin_as=1),
                _say(3),
            )
            for way in LeaveBy
        )
        + ((*TWO_ROOMS, _say(1), Step(Action.LEAVE, 1), Step(Action.SETTLE), Step(Action.LEAVE, 0)),),
        schedules=strategies.joins_and_leaves,
        share=0.8,
    ),
    DeliveryProperty(
        "messages-before-close",
        "Messages that a member sends right before it closes still reach the others.",
        delivers_last_messages,
        ("lost", "corrupt", "duplicated", "reordered"),
        edges=tuple(
            (*THREE, _say(1, "farewell"), Step(Action.LEAVE, 1, leave_by=way)) for way in (LeaveBy.CLOSE, LeaveBy.FIN)
        ),
        schedules=strategies.last_messages,
        share=0.6,
    ),
    *JOINING_PROPERTIES,
    DEPARTURES,
    VOLUME,
    DeliveryProperty(
        "binary-frame-isolation",
        "A binary frame of one member does not affect the others, however the server answers it.",
        is_spoken,
        ISOLATION,
        edges=(
            (*THREE, Step(Action.BREAK, 1), _say(0), _say(2), Step(Action.JOIN, 3)),
            (
                *THREE,
                Step(Action.BREAK, 1),
                Step(Action.LEAVE, 1, leave_by=LeaveBy.CLOSE),
                _say(0),
                _say(2),
                Step(Action.JOIN, 3),
            ),
        ),
        schedules=lambda: strategies.misbehaviours((Misbehaviour.BINARY,)),
        share=0.2,
        headline="A binary frame from one member disturbs the {channel} for the others",
    ),
    DeliveryProperty(
        "protocol-error-isolation",
        "A member that breaks the protocol does not affect the others.",
        is_spoken,
        ISOLATION,
        edges=tuple((*THREE, Step(Action.BREAK, 1, misbehaviour=each), _say(0), _say(2)) for each in strategies.BREAKS),
        schedules=strategies.misbehaviours,
        share=0.4,
        headline="A member that breaks the protocol disturbs the {channel} for the others",
    ),
    DeliveryProperty(
        "reset-isolation",
        "A member whose TCP connection is reset while it has unread messages does not affect the others.",
        is_spoken,
        ISOLATION,
        edges=(
            (
                *(Step(Action.JOIN, number, has_small_buffer=number == 0) for number in range(3)),
                Step(Action.STALL, 0),
                *(_say(1, size_bytes=20_000) for _ in range(4)),
                Step(Action.LEAVE, 0, leave_by=LeaveBy.RESET),
                *(_say(1 + n % 2) for n in range(4)),
            ),
        ),
        schedules=strategies.resets,
        share=0.4,
        headline="A member whose connection is reset disturbs the {channel} for the others",
    ),
    DeliveryProperty(
        "slow-reader-isolation",
        "A member that does not read does not delay the others.",
        is_spoken,
        ISOLATION,
        edges=(
            (
                Step(Action.JOIN, 0),
                Step(Action.JOIN, 1, has_small_buffer=True),
                Step(Action.JOIN, 2),
                Step(Action.STALL, 1),
                Step(Action.FLOOD, 0, size_bytes=FLOOD_BYTES, count=FLOOD_MESSAGES),
                _say(2),
            ),
        ),
        headline="A member that does not read holds up the {channel} for the others",
    ),
    DeliveryProperty(
        "feed",
        "All viewers of a shared feed get the same objects. Fields are in range, and objects come once per period, for "
        "any number of viewers.",
        is_fed,
        (
            "out-of-range",
            "wrong-period",
            "leaked-producer",
            "own-producer",
            "missing-object",
            "feed-stopped",
            "phantom",
            "disconnected",
            "protocol",
        ),
        standing=StandingPresence.AWAY,
        edges=(
            (
                Step(Action.JOIN, 0),
                _watch(),
                *(Step(Action.JOIN, number) for number in range(1, 5)),
                _watch(12),
            ),
        ),
    ),
    DeliveryProperty(
        "feed-restart",
        "A feed goes on when its first viewer leaves, and starts again when a viewer connects after all have left.",
        is_fed,
        ("wrong-period", "leaked-producer", "own-producer", "missing-object", "feed-stopped", "disconnected"),
        standing=StandingPresence.AWAY,
        edges=(
            (
                *THREE,
                _watch(2),
                *(Step(Action.LEAVE, number, leave_by=way) for number, way in enumerate(LeaveBy)),
                Step(Action.SETTLE),
                Step(Action.JOIN, 3),
                _watch(),
            ),
            (*THREE, _watch(2), Step(Action.LEAVE, 0, leave_by=LeaveBy.CLOSE), _watch()),
        ),
    ),
    DeliveryProperty(
        "feed-binary-frame-isolation",
        "A feed goes on for the others after a viewer sent a binary frame.",
        is_fed,
        ("feed-stopped", "disconnected", "stalled-by-other-member", "wrong-period"),
        edges=(
            (
                *THREE,
                _watch(2),
                Step(Action.BREAK, 1),
                Step(Action.LEAVE, 1, leave_by=LeaveBy.CLOSE),
                Step(Action.JOIN, 3),
                _watch(),
            ),
        ),
        headline="A binary frame from one viewer disturbs the {channel} for the others",
    ),
    DeliveryProperty(
        "feed-misbehaviour-isolation",
        "A feed goes on for the others after a viewer was lost, broke the protocol, or stopped reading.",
        is_fed,
        ("feed-stopped", "disconnected", "stalled-by-other-member", "wrong-period"),
        edges=(
            (
                *(Step(Action.JOIN, number) for number in range(4)),
                _watch(2),
                Step(Action.LEAVE, 1, leave_by=LeaveBy.RESET),
                Step(Action.BREAK, 2, misbehaviour=Misbehaviour.UNMASKED),
                Step(Action.STALL, 3),
                _watch(LIVELY),
            ),
        ),
        headline="A viewer that is lost, breaks the protocol or does not read disturbs the {channel} for the others",
    ),
    NAMES,
    MALFORMED,
    *ACCESS_PROPERTIES,
    PAUSED_READER,
)
"""Every property, in the order of execution: those most likely to break a server come late.

Those that need an empty channel come early, or last, so that standing members stay connected from then on.
"""
