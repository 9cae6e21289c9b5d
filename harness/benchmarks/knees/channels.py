"""The channel of `limited_server.py`: `--channels benchmarks.knees.channels`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from wsproof import Audience, Contract, MessageKind, Order, Parsed, Workload, open_envelope


class Hall(Workload):
    """A hall: each message reaches all its members unchanged."""

    name = "hall"
    title = "Hall: what one says, all in the same hall get"
    parameters: ClassVar[Mapping[str, str]] = {"rooms": "how many halls (default 1)"}

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self.rooms = int(self.settings.get("rooms", "1"))

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, Order.PER_PUBLISHER)

    def room_of(self, member: int) -> int:
        return member % self.rooms

    def path(self, member: int) -> str:
        return f"/hall/{self.room_of(member)}/{self.name_of(member)}"

    def read(self, member: int, message: str | bytes) -> Parsed:
        opened = open_envelope(message)
        return Parsed(MessageKind.UNEXPECTED if opened is None else MessageKind.DELIVERY, opened, text=str(message))


WORKLOADS = [Hall]
