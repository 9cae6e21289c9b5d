"""Delivery properties about unusual names and malformed messages."""

from __future__ import annotations

from wsproof.delivery.delivery_property import DeliveryProperty, is_shared
from wsproof.delivery.joining_properties import THREE
from wsproof.delivery.mutations import Mutation
from wsproof.delivery.names import NameShape, sends_names
from wsproof.delivery.schedule import GREETING, Action, Schedule, Step
from wsproof.delivery.standing_presence import StandingPresence
from wsproof.net.endpoint import Endpoint
from wsproof.workloads import Workload


def _say(member: int, body: str = "hello") -> Step:
    return Step(Action.SAY, member, body)


def _has_names(workload: Workload, endpoint: Endpoint | None) -> bool:
    """Whether the members of a workload tell the server their names."""
    return sends_names(workload)


def _named(shape: NameShape) -> Schedule:
    """A member with such a name joins others, and one of them leaves."""
    leaver, stays = (0, 1) if shape is NameShape.LONGER else (1, 0)
    return (
        Step(Action.JOIN, 0),
        Step(Action.JOIN, 1, shape=shape),
        Step(Action.JOIN, 2),
        *(_say(number) for number in range(3)),
        Step(Action.SETTLE),
        Step(Action.LEAVE, leaver),
        *(step for number in (2, stays, 2) for step in (Step(Action.SETTLE), _say(number))),
    )


def _malformed(mutation: Mutation, body: str = "") -> Schedule:
    """A member sends a malformed message, others publish, and one joins after it."""
    return (*THREE, Step(Action.MUTATE, 1, body, mutation=mutation), _say(0), _say(2), Step(Action.JOIN, 3), _say(3))


OF_GREETINGS = (Mutation.NUMBER, Mutation.NULL, Mutation.EMPTIED, Mutation.DEEP, Mutation.SURROGATE)
"""Mutations of greetings: servers read them with the same parser as publications, and keep other values of them."""

NAMES = DeliveryProperty(
    "unusual-names",
    "A member with an unusual name is not taken for another member, and does not affect the others.",
    is_shared,
    ("lost", "disconnected", "duplicated", "nothing-received", "corrupt"),
    edges=tuple(map(_named, NameShape)),
    needs=_has_names,
    standing=StandingPresence.CONNECTED,
    headline="The name of a member affects others",
)
MALFORMED = DeliveryProperty(
    "malformed-messages",
    "A malformed message of one member does not affect the others.",
    is_shared,
    ("stalled-by-other-member", "lost", "disconnected", "false-leave", "nothing-received"),
    edges=tuple(_malformed(mutation) for mutation in Mutation)
    + tuple(_malformed(mutation, GREETING) for mutation in OF_GREETINGS),
    standing=StandingPresence.CONNECTED,
    headline="A malformed message disturbs the {channel} for the others",
)
"""Standing members are not judged meanwhile: the workload need not understand the server's reactions.

`fitted` leaves out the schedules on greetings for a workload without greetings.
"""
