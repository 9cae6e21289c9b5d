"""The delivery property about volume: thousands of messages, bursts and crowds."""

from __future__ import annotations

from wsproof.delivery.delivery_property import DeliveryProperty, is_shared, is_spoken
from wsproof.delivery.schedule import Action, Schedule, Step
from wsproof.delivery.standing_presence import StandingPresence

FOUR = tuple(Step(Action.JOIN, number) for number in range(4))
"""Four members in one room."""
SIZES = (1, 52, 128, 1_000, 1_024, 4_095, 4_096, 8_192, 16_383, 16_384, 32_768, 65_000, 65_536)
"""Sizes of messages in bytes: around powers of two, as buffers have. `fitted` limits each to the longest allowed."""

STREAM_AND_BURSTS: Schedule = (
    *FOUR,
    Step(Action.STREAM, count=2_000),
    *(Step(Action.BURST, count=count) for count in (100, 256, 1_000)),
    *(Step(Action.SAY, number % 4, size_bytes=size) for number, size in enumerate(SIZES)),
    Step(Action.SETTLE),
    Step(Action.STREAM, count=20, size_bytes=16_000),
)
"""Four members: streams, bursts larger than usual queues, and messages of many sizes."""
BURSTS: Schedule = (*FOUR, *(Step(Action.BURST, count=count) for count in (40, 100, 256)), Step(Action.SETTLE))
"""Four members, and bursts alone."""
CROWDS: Schedule = (
    Step(Action.JOIN, 0),
    *(
        step
        for first, count in ((1, 3), (4, 12), (16, 48), (64, 64))
        for step in (
            Step(Action.CROWD, first, count=count),
            Step(Action.SAY, 0),
            Step(Action.SAY, first),
            Step(Action.SETTLE),
        )
    ),
    Step(Action.BURST, count=20),
)
"""Crowds of 4, 16, 64 and 128 members."""

SLOW_READER: Schedule = (
    *(Step(Action.JOIN, number) for number in range(3)),
    Step(Action.PAUSE, 1, count=1_200, size_bytes=60_000),
    Step(Action.SETTLE),
    Step(Action.SAY, 0),
)
"""A member stops reading, and reads again after more messages than the kernel's buffers and usual queues hold."""

VOLUME = DeliveryProperty(
    "volume",
    "No message is lost, repeated or out of order among thousands, in bursts, and with many members.",
    is_spoken,
    (
        "lost",
        "duplicated",
        "reordered",
        "corrupt",
        "misrouted",
        "phantom",
        "nothing-received",
        "disconnected",
        "limit",
    ),
    standing=StandingPresence.CONNECTED,
    edges=(STREAM_AND_BURSTS, CROWDS),
)
"""The property that no message is lost among thousands."""
PAUSED_READER = DeliveryProperty(
    "paused-reader",
    "A member that stops reading for a while gets everything afterwards, unless the server cuts it off.",
    is_shared,
    ("lost", "duplicated", "reordered", "corrupt"),
    standing=StandingPresence.AWAY,  # it sends 72 MB to each member
    edges=(SLOW_READER,),
)
"""The property of a member that stops reading for a while."""
