"""Workloads with several rooms. The setting `rooms` is their number."""

from __future__ import annotations

from abc import ABC
from collections.abc import Mapping
from typing import ClassVar

from wsproof.errors import UsageError
from wsproof.workloads.base import Workload


class WorkloadWithRooms(Workload, ABC):
    """A workload with the setting `rooms`. Its members take the rooms in turn."""

    usual_rooms: ClassVar[int] = 2
    """The number of rooms where the user has set none."""

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self.rooms = _rooms_of(self.settings, self.name, self.usual_rooms)

    def room_of(self, member: int) -> int:
        return member % self.rooms


def _rooms_of(settings: Mapping[str, str], name: str, usual: int) -> int:
    """The number of rooms that the user has set.

    Raises:
        UsageError: it is not a whole number of at least 1.
    """
    rooms = settings.get("rooms", str(usual))
    if not rooms.isdecimal() or int(rooms) < 1:
        raise UsageError(f"{name}.rooms must be a whole number of at least 1, not {rooms!r}: try {name}.rooms=10")
    return int(rooms)
