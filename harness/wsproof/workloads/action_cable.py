"""Action Cable (actioncable-v1-json): one subscription per member, and what the channel broadcasts to it.

{"type": "welcome"}                                         the server opens the session
{"command": "subscribe", "identifier": "{...}"}             answered confirm_subscription or reject_subscription
{"command": "message", "identifier": ..., "data": "{...}"}  a member's action; the channel broadcasts the text
{"identifier": ..., "message": {...}}                       a broadcast
{"type": "ping"}                                            every 3 s, and not answered
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope
from wsproof.workloads.base import MessageKind, Parsed
from wsproof.workloads.formats import loaded, text_with_envelope
from wsproof.workloads.settings import WorkloadWithRooms
from wsproof.workloads.steps import JoinRefused, JoinSteps, Message, Send, Wait, json_with


class ActionCable(WorkloadWithRooms):
    """An Action Cable channel that broadcasts each message to all subscribers of the same identifier."""

    name = "actioncable"
    title = "Action Cable: an action that the channel broadcasts to its subscribers"
    parameters: ClassVar[Mapping[str, str]] = {
        "channel": "the class of the channel (default ChatChannel)",
        "param": "the parameter that names the room (default room)",
        "rooms": "number of rooms, which the members take in turn (default 2)",
        "action": "the action that members perform (default speak)",
        "field": "the field of its data that holds the text (default text)",
        "path": "the path of the server (default /cable)",
        "order": "the promised order: none (default, as in Rails), per-publisher (a worker pool of 1) or total",
    }

    @property
    def contract(self) -> Contract:
        # Rails performs the actions of one connection in a pool of threads (`worker_pool_size`, 4): 6.1.7 on Puma 5.6
        # delivered twenty actions of one client in another order than the one in which they had been sent.
        return Contract(self.name, Audience.EVERYONE, Order(self.settings.get("order", Order.NONE)))

    def path(self, member: int) -> str:
        return self.settings.get("path", "/cable")

    def subprotocols(self, member: int) -> list[str]:
        return ["actioncable-v1-json", "actioncable-unsupported"]

    def identifier(self, member: int) -> str:
        """The channel identifier of the member: JSON as a string, as the server compares it."""
        room = {self.settings.get("param", "room"): str(self.room_of(member))}
        return json.dumps({"channel": self.settings.get("channel", "ChatChannel"), **room})

    def join(self, member: int) -> JoinSteps:
        yield Wait("welcome", until=json_with(type="welcome"))
        yield Send(json.dumps({"command": "subscribe", "identifier": self.identifier(member)}))
        answer = yield Wait("subscribe", until=_answers_subscribe, subscribes=True)
        if not json_with(type="confirm_subscription")(answer):
            raise JoinRefused(str(answer))

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        action = {"action": self.settings.get("action", "speak")}
        data = json.dumps(action | {self.settings.get("field", "text"): envelope.seal(body)})
        return json.dumps({"command": "message", "identifier": self.identifier(member), "data": data})

    def read(self, member: int, message: Message) -> Parsed:
        match loaded(message):
            case {"type": "ping" | "welcome" | "confirm_subscription"}:
                return Parsed(MessageKind.IGNORED)
            case {"identifier": str(), "message": content} if (opened := text_with_envelope(content)) is not None:
                return Parsed(MessageKind.DELIVERY, opened[1], text=opened[0])
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


def _answers_subscribe(message: Message) -> bool:
    return any(json_with(type=kind)(message) for kind in ("confirm_subscription", "reject_subscription"))


WORKLOADS = [ActionCable]
