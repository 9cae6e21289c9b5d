"""The workload of a pool, with other names, rooms or answers for some of its members."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping

from wsproof.workloads import MessageKind, Workload


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
