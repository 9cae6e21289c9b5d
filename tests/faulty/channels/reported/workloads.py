"""Workloads for the servers of this folder."""

from __future__ import annotations

import json

from tests.faulty.channels.json_room_workloads import Halls
from wsproof import Audience, Contract, Feed, MessageKind, Parsed, Range, Workload


class Rooms(Halls):
    """Two rooms, Room-0 and Room-1."""

    def path(self, member: int) -> str:
        return f"/ws?name={self.name_of(member)}&room=Room-{self.room_of(member)}"


class Viewers(Workload):
    """A feed that viewers receive."""

    name = "room"
    title = "a feed"

    @property
    def contract(self) -> Contract:
        fields = {"cpu": Range(0, 100), "delay": Range(0, 10), "viewers": Range(1, 10_000, integer=True)}
        return Contract(self.name, Audience.NOBODY, feed=Feed(0.05, tuple(fields.items())))

    def path(self, member: int) -> str:
        return f"/ws?name={self.name_of(member)}"

    def read(self, member: int, message: str | bytes) -> Parsed:
        try:
            return Parsed(MessageKind.TICK, value=json.loads(message))
        except ValueError:
            return Parsed(MessageKind.UNEXPECTED, text=str(message))
