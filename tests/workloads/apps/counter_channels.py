"""The channel of `counter`: its messages carry a number and no text."""

from __future__ import annotations

import json

from wsproof import Audience, Contract, Envelope, MessageKind, Order, Parsed, Wait, Workload, json_with
from wsproof.workloads.steps import JoinSteps


class Counter(Workload):
    name = "counter"
    title = "A counter that anybody may raise, and all see"

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, Order.TOTAL)

    def path(self, member: int) -> str:
        return "/"

    def join(self, member: int) -> JoinSteps:
        yield Wait("the value as it is", until=json_with(type="value"))

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        return json.dumps({"action": "plus"})

    def read(self, member: int, message: str | bytes) -> Parsed:
        match json.loads(message):
            case {"type": "value", "value": int(value)}:
                return Parsed(MessageKind.DELIVERY, version=value)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


WORKLOADS = [Counter]
