"""The channel of `conversing`, and incomplete versions of it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from wsproof import (
    Audience,
    Contract,
    Envelope,
    Every,
    JoinRefused,
    MessageKind,
    Order,
    Parsed,
    Send,
    Wait,
    Workload,
    json_with,
    open_envelope,
)
from wsproof.workloads.steps import JoinSteps


def message_of_kind(kind: str, **more: Any) -> str:
    return json.dumps({"type": kind, **more})


class Conversing(Workload):
    name = "conversing"
    title = "Initialise, subscribe, answer pings, and beat"

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, Order.PER_PUBLISHER)

    def path(self, member: int) -> str:
        return "/"

    def join(self, member: int) -> JoinSteps:
        yield Send(message_of_kind("init"))
        answer = yield Wait("init", until=lambda m: json_with(type="ack")(m) or json_with(type="error")(m))
        if json_with(type="error")(answer):
            raise JoinRefused(str(answer))
        yield Send(message_of_kind("subscribe"))
        yield Wait("subscribe", until=json_with(type="subscribed"), timeout_s=0.5, subscribes=True)

    def answer(self, member: int, message: str | bytes) -> Iterable[str]:
        yield message_of_kind("pong", id=json.loads(message)["id"])

    def timers(self, member: int) -> Iterable[Every]:
        yield Every(0.05, message_of_kind("beat"))

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        return message_of_kind("publish", text=envelope.seal(body))

    def read(self, member: int, message: str | bytes) -> Parsed:
        match json.loads(message):
            case {"type": "next", "text": str(text)}:
                return Parsed(MessageKind.DELIVERY, open_envelope(text), text=text)
            case {"type": "ping"}:
                return Parsed(MessageKind.IGNORED, needs_answer=True)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


class Hasty(Conversing):
    """A channel that subscribes without waiting for the ack."""

    name = "hasty"

    def join(self, member: int) -> JoinSteps:
        yield Send(message_of_kind("subscribe"))
        yield Wait("subscribe", until=json_with(type="subscribed"))


WORKLOADS = [Conversing, Hasty]
