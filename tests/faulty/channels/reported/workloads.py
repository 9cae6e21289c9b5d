"""A workload for the servers of this folder: two rooms whose names are texts."""

from __future__ import annotations

from tests.faulty.channels.json_room_workloads import Halls


class Rooms(Halls):
    """Two rooms, Room-0 and Room-1."""

    def path(self, member: int) -> str:
        return f"/ws?name={self.name_of(member)}&room=Room-{self.room_of(member)}"
