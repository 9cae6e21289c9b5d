"""The channels of `pubsub.py`: `--channels tests.workloads.apps.pubsub_channels`."""

from __future__ import annotations

import json
from dataclasses import replace

from wsproof import Audience, Contract, Envelope, MessageKind, Parsed, Workload, open_envelope


class PubSub(Workload):
    """A channel with two rooms: all members of a room get its messages."""

    name = "pubsub"
    title = "pub/sub"
    rooms = 2

    @property
    def contract(self) -> Contract:
        return Contract("pubsub", Audience.EVERYONE, leaves=True)

    def path(self, member: int) -> str:
        return "/pubsub"

    def room_of(self, member: int) -> int:
        return member % 2

    def greeting(self, member: int) -> str:
        return json.dumps({"op": "subscribe", "room": self.room_of(member), "name": self.name_of(member)})

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        return json.dumps({"op": "publish", "text": envelope.seal(body)})

    def read(self, member: int, message: str | bytes) -> Parsed:
        try:
            received = json.loads(message)
        except ValueError:
            return Parsed(MessageKind.UNEXPECTED, text=str(message))
        match received:
            case {"event": "said", "who": str(who), "text": str(text)}:
                return Parsed(MessageKind.DELIVERY, open_envelope(text), who, text=text)
            case {"event": "left", "who": str(who)}:
                return Parsed(MessageKind.LEAVE, member=who)
            case {"event": "welcome" | "joined"}:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


class Others(PubSub):
    """A channel whose publishers do not receive their own messages."""

    name = "others"

    @property
    def contract(self) -> Contract:
        return replace(super().contract, audience=Audience.OTHERS)


WORKLOADS = [PubSub, Others]
