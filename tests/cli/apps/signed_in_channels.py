"""The channels of `signed_in.py`: the room builds its own query, the lobby uses the query from the command line."""

from __future__ import annotations

import json

from tests.cli.apps.signed_in import PREFIX
from wsproof import Audience, Contract, MessageKind, Order, Parsed, Workload, open_envelope


class Room(Workload):
    name = "room"
    title = "a token per member"
    any_text = True
    audience = Audience.EVERYONE

    @property
    def contract(self) -> Contract:
        return Contract(self.name, self.audience, Order.PER_PUBLISHER)

    def name_of(self, member: int) -> str:
        return f"u{self.base + member}"

    def path(self, member: int) -> str:
        return f"/room?token={PREFIX}{self.name_of(member)}"

    def read(self, member: int, message: str | bytes) -> Parsed:
        try:
            match json.loads(message):
                case {"user": str(user), "text": str(text)}:
                    speaker = user if self.name == "room" else None
                    return Parsed(MessageKind.DELIVERY, open_envelope(text), publisher=speaker, text=text)
        except ValueError:
            pass
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


class Lobby(Room):
    name = "lobby"
    title = "one key for all, which the user has"
    audience = Audience.PUBLISHER

    def path(self, member: int) -> str:
        return "/lobby"


WORKLOADS = [Room, Lobby]
