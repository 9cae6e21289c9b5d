"""JSON-RPC 2.0: a request that subscribes, a request that publishes, and a notification that subscribers get.

The protocol does not define subscriptions, so the names of the methods are settings. An array is a batch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import ClassVar

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope
from wsproof.workloads.base import MessageKind, Parsed
from wsproof.workloads.formats import loaded, text_with_envelope
from wsproof.workloads.settings import WorkloadWithRooms
from wsproof.workloads.steps import JoinRefused, JoinSteps, Message, Send, Wait

_SUBSCRIPTION = "subscribe"
"""The id of the request that subscribes."""


class JsonRpc(WorkloadWithRooms):
    """A JSON-RPC server that notifies all subscribers of a topic of each publication to it."""

    name = "jsonrpc"
    title = "JSON-RPC 2.0: a request that publishes, and the notification that all subscribers get"
    parameters: ClassVar[Mapping[str, str]] = {
        "subscribe": "the method that subscribes (default subscribe; empty for none)",
        "publish": "the method that publishes (default publish)",
        "notification": "the method of the notification (default message)",
        "topic": "prefix of the topics (default room-)",
        "rooms": "number of topics, which the members take in turn (default 2)",
        "param": "the parameter that names the topic (default topic)",
        "field": "the parameter that holds the text (default text)",
        "path": "the path of the server (default /)",
        "audience": "the audience: everyone (default) or others",
    }

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience(self.settings.get("audience", "everyone")), Order.PER_PUBLISHER)

    def path(self, member: int) -> str:
        return self.settings.get("path", "/")

    def topic(self, member: int) -> Mapping[str, str]:
        """The parameter that names the member's topic."""
        return {self.settings.get("param", "topic"): f"{self.settings.get('topic', 'room-')}{self.room_of(member)}"}

    def join(self, member: int) -> JoinSteps:
        method = self.settings.get("subscribe", "subscribe")
        if not method:
            return
        yield Send(_request(_SUBSCRIPTION, method, self.topic(member)))
        answer = yield Wait(method, until=_is_answer_to_subscription, subscribes=True)
        if "error" in loaded(answer):
            raise JoinRefused(str(answer))

    def split(self, message: Message) -> Sequence[Message]:
        batch = loaded(message) if str(message).lstrip().startswith("[") else None
        return [json.dumps(each) for each in batch] if isinstance(batch, list) else ()

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        text = {self.settings.get("field", "text"): envelope.seal(body)}
        return _request(
            f"{envelope.publisher}-{envelope.sequence}",
            self.settings.get("publish", "publish"),
            {**self.topic(member), **text},
        )

    def read(self, member: int, message: Message) -> Parsed:
        match loaded(message):
            case {"method": str(method), **rest} if "id" not in rest:
                if method != self.settings.get("notification", "message"):
                    return Parsed(MessageKind.IGNORED)
                opened = text_with_envelope(rest.get("params"))
                if opened is not None:
                    return Parsed(MessageKind.DELIVERY, opened[1], text=opened[0])
            case {"id": _, "result": _}:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


def _request(number: str, method: str, params: Mapping[str, str]) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": dict(params)})


def _is_answer_to_subscription(message: Message) -> bool:
    answer = loaded(message)
    return isinstance(answer, dict) and answer.get("id") == _SUBSCRIPTION and ("result" in answer or "error" in answer)


WORKLOADS = [JsonRpc]
