"""The rooms of the reference server: `/rooms/{name}`, typed JSON, one message order for all, one user per member.

Members sign in with tokens of their own (`members.py`). The state is the list of the users in the room. The server
sends it to each newcomer, and tells all others who joins and who leaves.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, open_envelope
from wsproof.workloads.base import MessageKind, Parsed
from wsproof.workloads.formats import loaded
from wsproof.workloads.members import PONG, environment, with_token
from wsproof.workloads.settings import WorkloadWithRooms

KNOWN = frozenset({"welcome", "joined", "members", "ack", "passed"})
"""Message types that no promise of this channel covers."""


class Rooms(WorkloadWithRooms):
    """All members of a room receive its messages in the same order. The server tells them who joins and leaves."""

    name = "rooms"
    title = "Rooms: signed in, typed JSON; each message reaches all members of its room, in one order"
    repeats_count_once = True
    longest_bytes = 3_900
    usual_rooms = 1
    parameters: ClassVar[Mapping[str, str]] = {
        "rooms": "number of rooms, which the members take in turn (default 1)",
        "name": "prefix of the rooms' names; a room that was used before has a history (default wsproof)",
    }

    @property
    def contract(self) -> Contract:
        return Contract(channel=self.name, audience=Audience.EVERYONE, order=Order.TOTAL, leaves=True)

    def name_of(self, member: int) -> str:
        return f"member-{self.base + member}"

    def path(self, member: int) -> str:
        room = f"{self.settings.get('name', 'wsproof')}-{self.base}-{self.room_of(member)}"
        return with_token(f"/rooms/{room}", self.name_of(member))

    def greeting(self, member: int) -> str:
        return json.dumps({"type": "join"})

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        # The server does not store a message with a known id again, so ids must differ between runs.
        name = f"{envelope.publisher}-{envelope.sequence}-{envelope.intended_ns}"
        return json.dumps({"type": "say", "id": name, "text": envelope.seal(body)})

    def read(self, member: int, message: str | bytes) -> Parsed:
        match loaded(message):
            case {"type": "said", "user": str(user), "text": str(text)}:
                return Parsed(MessageKind.DELIVERY, open_envelope(text), publisher=user, text=text)
            case {"type": "presence", "event": "join", "user": str(user)}:
                return Parsed(MessageKind.JOIN, member=user)
            case {"type": "presence", "event": "leave", "user": str(user)}:
                return Parsed(MessageKind.LEAVE, member=user)
            case {"type": "ping"}:
                return Parsed(MessageKind.IGNORED, needs_answer=True)
            case {"type": kind} if kind in KNOWN:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))

    def answer(self, member: int, message: str | bytes) -> Iterable[str]:
        return (PONG,)

    def state(self, member: int, messages: Sequence[str | bytes]) -> Mapping[str, Any] | None:
        present: dict[str, Any] | None = None
        for message in messages:
            match loaded(message):
                case {"type": "members", "users": list(users)}:
                    present = dict.fromkeys(map(str, users), "in the room")
                case {"type": "presence", "event": "join", "user": str(user)} if present is not None:
                    present[user] = "in the room"
                case {"type": "presence", "event": "leave", "user": str(user)} if present is not None:
                    present.pop(user, None)
        return present

    def server_environment(self) -> Mapping[str, str]:
        return environment()
