"""Delivery properties about joining in the middle, joining twice, and coming back."""

from __future__ import annotations

from wsproof.delivery.delivery_property import DeliveryProperty, greets, is_shared
from wsproof.delivery.schedule import Action, LeaveBy, Schedule, Step

THREE = tuple(Step(Action.JOIN, number) for number in range(3))
"""Three members in one room."""


def _say(member: int, body: str = "hello") -> Step:
    return Step(Action.SAY, member, body)


IN_THE_MIDDLE: tuple[Schedule, ...] = (
    (*THREE, Step(Action.JOIN, 3, amid=True), Step(Action.JOIN, 4, amid=True), _say(0), _say(3)),
    (
        *THREE,
        Step(Action.LEAVE, 2, way=LeaveBy.CLOSE),
        Step(Action.SETTLE),
        Step(Action.JOIN, 3, again=2, amid=True),
        _say(0),
    ),
)
"""New members, and one that comes back, join while others publish."""

JOINING_PROPERTIES: tuple[DeliveryProperty, ...] = (
    DeliveryProperty(
        "joining-in-the-middle",
        "Who joins while others publish misses nothing between its history and the live messages, and gets none twice.",
        is_shared,
        ("gap", "duplicated"),
        edges=IN_THE_MIDDLE,
    ),
    DeliveryProperty(
        "subscribing-twice",
        "Who sends its greeting twice still gets each message once.",
        is_shared,
        ("duplicated",),
        edges=((*THREE, Step(Action.GREET, 1), _say(0), _say(2), _say(1), _say(0)),),
        needs=greets,
    ),
)
"""The properties of this file, in the order of execution."""
