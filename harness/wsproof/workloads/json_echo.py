"""The JSON echo of the reference server: `/echo/json` answers any value with `{"received": <value>}`."""

from __future__ import annotations

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, undamaged
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.formats import Format

BEFORE, BEHIND = '{"received": ', "}"


class JsonEcho(Workload):
    """Each object comes back to its sender once, in order and unchanged, wrapped in another object."""

    name = "json-echo"
    title = 'JSON echo: a value is answered `{"received": value}`'
    format = Format({"format": "json"}, name)

    @property
    def contract(self) -> Contract:
        return Contract(channel=self.name, audience=Audience.PUBLISHER, order=Order.PER_PUBLISHER)

    def path(self, member: int) -> str:
        return "/echo/json"

    def publish(self, member: int, envelope: Envelope, body: str) -> str | bytes:
        return self.format.publish(envelope, body)

    def read(self, member: int, message: str | bytes) -> Parsed:
        if isinstance(message, bytes) or not (message.startswith(BEFORE) and message.endswith(BEHIND)):
            return Parsed(MessageKind.UNEXPECTED, text=str(message))
        opened = self.format.open(message[: -len(BEHIND)])
        return Parsed(MessageKind.DELIVERY, undamaged(opened, len(BEFORE)), text=message[len(BEFORE) : -len(BEHIND)])
