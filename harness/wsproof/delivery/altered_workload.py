"""The workload of a pool, with other names, rooms or answers for some of its members."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from wsproof.model.envelope import Envelope
from wsproof.workloads import MessageKind, Publication, Workload

ROOM_NUMBER = 918_273_000
"""The number of the first room that `with_room_names` replaces by a name. It occurs nowhere else in a message."""


def with_names(workload: Workload, names: Mapping[int, str]) -> Workload:
    """The same workload, in which some members have other names. `names` may still grow."""
    named, usual = copy.copy(workload), workload.name_of

    def name_of(member: int) -> str:
        return names[member] if member in names else usual(member)

    named.name_of = name_of  # type: ignore[method-assign]  # for this object only
    return named


def with_rooms(workload: Workload, rooms: Mapping[int, int]) -> Workload:
    """The same workload, in which some members are in other rooms. `rooms` may still grow."""
    moved, usual = copy.copy(workload), workload.room_of

    def room_of(member: int) -> int:
        return rooms[member] if member in rooms else usual(member)

    moved.room_of = room_of  # type: ignore[method-assign]  # for this object only
    return moved


def names_its_rooms(workload: Workload) -> bool:
    """Whether the path or the greeting of a member has the number of its room as a part of a text."""
    if workload.has_prepare or getattr(workload, "users_class", type(workload)).join is not Workload.join:
        return False
    numbered = with_rooms(workload, {0: ROOM_NUMBER})
    greeting = numbered.greeting(0)
    sent = [numbered.path(0), *([greeting] if isinstance(greeting, str) else [])]
    return any(str(ROOM_NUMBER) in text and _is_in_text(text) for text in sent)


def _is_in_text(message: str) -> bool:
    """Whether the number of a room in a message may be replaced by a text: it is no number of a JSON object."""
    try:
        json.loads(message.replace(str(ROOM_NUMBER), f"x{ROOM_NUMBER}"))
    except ValueError:
        return not message.startswith(("{", "["))
    return True


def with_room_names(workload: Workload, names: Mapping[int, str]) -> Workload:
    """The same workload, in which some members are in rooms of these names.

    The workload must name its rooms (`names_its_rooms`). The name takes the place of the room's number in all that the
    member sends.
    """
    numbers = {member: ROOM_NUMBER + place for place, member in enumerate(names)}
    named, numbered = copy.copy(workload), with_rooms(workload, numbers)

    def path(member: int) -> str:
        usual = numbered.path(member)
        return usual.replace(str(numbers[member]), quote(names[member], safe="")) if member in names else usual

    def filled(member: int, message: str) -> str:
        number = numbers.get(member)
        return message if number is None else message.replace(str(number), json.dumps(names[member])[1:-1])

    def greeting(member: int) -> str | bytes | None:
        usual = numbered.greeting(member)
        return filled(member, usual) if isinstance(usual, str) else usual

    def publish(member: int, envelope: Envelope, body: str) -> Publication:
        usual = numbered.publish(member, envelope, body)
        return filled(member, usual) if isinstance(usual, str) else usual

    named.room_of = numbered.room_of  # type: ignore[method-assign]  # these four for this object only
    named.path = path  # type: ignore[method-assign]
    named.greeting = greeting  # type: ignore[method-assign]
    named.publish = publish  # type: ignore[method-assign]
    return named


def with_longest(workload: Workload, longest_bytes: int) -> Workload:
    """The same workload, whose members publish no text that is longer than this."""
    shorter = copy.copy(workload)
    shorter.longest_bytes = longest_bytes  # type: ignore[misc]  # for this object only
    return shorter


def with_half_the_answers(workload: Workload) -> Workload:
    """The same workload, whose members leave every second publication of a publisher without an answer."""
    silent, usual = copy.copy(workload), workload.answer

    def answer(member: int, message: str | bytes) -> Iterable[str | bytes]:
        return () if is_left_unanswered(workload, member, message) else usual(member, message)

    silent.answer = answer  # type: ignore[method-assign]  # for this object only
    return silent


def is_left_unanswered(workload: Workload, member: int, message: str | bytes) -> bool:
    """Whether a message is one of the publications that `with_half_the_answers` leaves without an answer."""
    parsed = workload.read(member, message)
    if parsed.kind is not MessageKind.DELIVERY or parsed.envelope is None or not parsed.needs_answer:
        return False
    return parsed.envelope.envelope.sequence % 2 == 0
