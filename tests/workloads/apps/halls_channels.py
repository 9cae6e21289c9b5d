"""A configurable number of rooms: `--channels tests.workloads.apps.halls_channels --set halls.rooms=5`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from tests.workloads.apps.pubsub_channels import PubSub


class Halls(PubSub):
    """The server creates a room for each name that a member asks for."""

    name = "halls"
    parameters: ClassVar[Mapping[str, str]] = {"rooms": "how many rooms the members are dealt out to (default 2)"}

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self.rooms = int(self.settings.get("rooms", "2"))

    def room_of(self, member: int) -> int:
        return member % self.rooms


WORKLOADS = [Halls]
