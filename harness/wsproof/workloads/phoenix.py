"""Phoenix channels (serializer 2.0.0): one topic per room, and one event that the channel broadcasts.

[join_ref, ref, topic, "phx_join", {...}]      is answered "phx_reply" with status "ok" or "error"
[join_ref, ref, topic, event, {"text": T}]     a member's event; the channel broadcasts it to the topic
[null, ref, "phoenix", "heartbeat", {}]        every 30 s, as Phoenix's own client does
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope
from wsproof.workloads.base import MessageKind, Parsed
from wsproof.workloads.formats import loaded, text_with_envelope
from wsproof.workloads.settings import WorkloadWithRooms
from wsproof.workloads.steps import Every, JoinRefused, JoinSteps, Message, Send, Wait

_JOIN_REF = "1"
_HEARTBEAT_S = 30.0
_LIFE_CYCLE = ("phx_reply", "presence_state", "presence_diff")
"""Events that no promise covers."""


class Phoenix(WorkloadWithRooms):
    """A Phoenix channel that broadcasts each event to all members of its topic, the publisher included."""

    name = "phoenix"
    title = "Phoenix channels: an event that is broadcast to its topic"
    parameters: ClassVar[Mapping[str, str]] = {
        "topic": "prefix of the topics (default `room:`)",
        "rooms": "number of topics, which the members take in turn (default 2)",
        "event": "the event that members push and get (default new_msg)",
        "field": "the field of the payload that holds the text (default body)",
        "path": "the path of the socket (default /socket/websocket)",
        "params": "the JSON object that each member joins with",
    }

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, Order.PER_PUBLISHER)

    @property
    def event(self) -> str:
        """The event that carries a publication."""
        return self.settings.get("event", "new_msg")

    def topic(self, member: int) -> str:
        """The topic of this member's room."""
        return f"{self.settings.get('topic', 'room:')}{self.room_of(member)}"

    def path(self, member: int) -> str:
        return f"{self.settings.get('path', '/socket/websocket')}?vsn=2.0.0"

    def params(self, member: int) -> Mapping[str, Any]:
        """The join message of the member."""
        params: Mapping[str, Any] = json.loads(self.settings.get("params", "{}"))
        return params

    def join(self, member: int) -> JoinSteps:
        yield Send(json.dumps([_JOIN_REF, _JOIN_REF, self.topic(member), "phx_join", dict(self.params(member))]))
        answer = yield Wait("phx_join", until=_is_reply_to_join, subscribes=True)
        if loaded(answer)[4].get("status") != "ok":
            raise JoinRefused(str(answer))

    def timers(self, member: int) -> Iterable[Every]:
        return [Every(_HEARTBEAT_S, json.dumps([None, "heartbeat", "phoenix", "heartbeat", {}]))]

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        payload = {self.settings.get("field", "body"): envelope.seal(body)}
        return json.dumps([_JOIN_REF, f"m{envelope.sequence}", self.topic(member), self.event, payload])

    def read(self, member: int, message: Message) -> Parsed:
        match loaded(message):
            case [_, _, str(), str(event), dict(payload)] if event == self.event:
                opened = text_with_envelope(payload)
                if opened is not None:
                    return Parsed(MessageKind.DELIVERY, opened[1], text=opened[0])
            case [_, _, str(), str(event), dict()] if event in _LIFE_CYCLE:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


def _is_reply_to_join(message: Message) -> bool:
    match loaded(message):
        case [_, "1", str(), "phx_reply", dict()]:
            return True
    return False


WORKLOADS = [Phoenix]
