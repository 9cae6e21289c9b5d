"""GraphQL over WebSocket, subprotocol `graphql-transport-ws`: one subscription, and a mutation that feeds it.

connection_init                 is answered connection_ack
subscribe, id 1                 the subscription: each result is a `next` with this id
subscribe, another id           the mutation with which a member publishes: a `next` and a `complete`
ping                            is answered pong
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.formats import loaded, text_with_envelope
from wsproof.workloads.steps import JoinSteps, Send, Wait, json_with

_SUBSCRIPTION = "1"
"""The id of the subscription. Mutations have ids that begin with another letter."""


class GraphQlWs(Workload):
    """A GraphQL subscription that delivers the text of each mutation, somewhere in its data, to all subscribers."""

    name = "graphql-ws"
    title = "GraphQL over WebSocket: a subscription, and a mutation that feeds it"
    parameters: ClassVar[Mapping[str, str]] = {
        "path": "the path of the server (default /graphql)",
        "subscription": "the query of the subscription (default `subscription { said }`)",
        "mutation": "the mutation, with $text (default `mutation($text: String!) { say(text: $text) }`)",
        "payload": "the JSON object of connection_init, such as a token",
    }

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, Order.PER_PUBLISHER)

    def path(self, member: int) -> str:
        return self.settings.get("path", "/graphql")

    def subprotocols(self, member: int) -> Sequence[str]:
        return ["graphql-transport-ws"]

    def payload(self, member: int) -> Mapping[str, Any]:
        """The payload of connection_init."""
        payload: Mapping[str, Any] = json.loads(self.settings.get("payload", "{}"))
        return payload

    def join(self, member: int) -> JoinSteps:
        yield Send(json.dumps({"type": "connection_init", "payload": dict(self.payload(member))}))
        yield Wait("connection_init", until=json_with(type="connection_ack"))
        query = self.settings.get("subscription", "subscription { said }")
        yield Send(json.dumps({"id": _SUBSCRIPTION, "type": "subscribe", "payload": {"query": query}}))

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        query = self.settings.get("mutation", "mutation($text: String!) { say(text: $text) }")
        payload = {"query": query, "variables": {"text": envelope.seal(body)}}
        return json.dumps({"id": f"m{envelope.sequence}", "type": "subscribe", "payload": payload})

    def read(self, member: int, message: str | bytes) -> Parsed:
        match loaded(message):
            case {"type": "ping"}:
                return Parsed(MessageKind.IGNORED, needs_answer=True)
            case {"type": "next", "id": "1", "payload": {"data": data}} if (
                opened := text_with_envelope(data)
            ) is not None:
                return Parsed(MessageKind.DELIVERY, opened[1], text=opened[0])
            case {"type": "next" | "complete", "id": str(number)} if number != _SUBSCRIPTION:
                return Parsed(MessageKind.IGNORED)
            case {"type": "connection_ack" | "pong"}:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))

    def answer(self, member: int, message: str | bytes) -> Iterable[str]:
        return [json.dumps({"type": "pong"})]


WORKLOADS = [GraphQlWs]
