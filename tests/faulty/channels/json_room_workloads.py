"""Workloads for `json_room.py`, one for each way in which its members join."""

from __future__ import annotations

import json
from urllib.parse import quote

from tests.faulty.channels.json_room import TOKEN
from wsproof import Audience, Contract, Envelope, MessageKind, Order, Parsed, Workload, open_envelope


class Room(Workload):
    """A JSON room, to which the handshake alone subscribes."""

    name = "room"
    title = "a JSON room"

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, Order.PER_PUBLISHER)

    def name_of(self, member: int) -> str:
        return f"u{self.base + member}"

    def path(self, member: int) -> str:
        return f"/ws?name={quote(self.name_of(member), safe='')}&room={self.room_of(member)}"

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        return json.dumps({"text": envelope.seal(body)})

    def read(self, member: int, message: str | bytes) -> Parsed:
        try:
            value = json.loads(message)
        except ValueError:
            value = None
        match value:
            case {"who": str(publisher), "text": str(text)}:
                return Parsed(MessageKind.DELIVERY, open_envelope(text), publisher=publisher, text=text)
            case {"left": str(subject)}:
                return Parsed(MessageKind.LEAVE, member=subject)
            case {"joined": str(subject)}:
                return Parsed(MessageKind.JOIN, member=subject)
            case {"info": _}:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


class Greeting(Room):
    """A room that members subscribe to with a greeting."""

    def greeting(self, member: int) -> str:
        return json.dumps({"subscribe": str(self.room_of(member))})


class Halls(Room):
    """Two numbered rooms of a server that has more."""

    rooms = 2

    def room_of(self, member: int) -> int:
        return member % self.rooms


class Presence(Room):
    """A room that announces departures."""

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, Order.PER_PUBLISHER, leaves=True)


class Private(Room):
    """A room that requires a token."""

    def path(self, member: int) -> str:
        return f"{super().path(member)}&token={TOKEN}"


class Sloppy(Room):
    """A workload that does not validate the types of received values."""

    def read(self, member: int, message: str | bytes) -> Parsed:
        value = json.loads(message)
        return Parsed(MessageKind.DELIVERY, open_envelope(value["text"]), publisher=value["who"], text=value["text"])


class OneOrigin(Room):
    """A room that allows pages of one origin."""

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, origins=("https://app.example",))


WORKLOADS = [Room]
