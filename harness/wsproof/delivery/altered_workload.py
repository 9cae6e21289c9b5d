"""The workload of a pool, with other names or rooms for some of its members."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from wsproof.workloads import Workload


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
