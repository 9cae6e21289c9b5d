"""The echo channels: `/ws` of `tutorial`, and `/echo/json` of the reference server. Each answers its sender only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, undamaged
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.formats import Format

__all__ = []

ANSWER = "Message received: "
"""The server's prefix of an echoed text."""


class Echo(Workload):
    """Each text comes back to its sender once, in order, after a prefix. Binary messages come back unchanged."""

    name = "echo"
    title = "Echo: `T` is answered `Message received: T`"
    any_text = True
    parameters: ClassVar[Mapping[str, str]] = {
        "format": "what messages are: text, json, or binary (which comes back without a prefix)"
    }

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self.format = Format(self.settings, self.name)

    @property
    def contract(self) -> Contract:
        return Contract(channel=self.name, audience=Audience.PUBLISHER, order=Order.PER_PUBLISHER)

    def path(self, member: int) -> str:
        return "/ws"

    def publish(self, member: int, envelope: Envelope, body: str) -> str | bytes:
        return self.format.publish(envelope, body)

    def read(self, member: int, message: str | bytes) -> Parsed:
        if isinstance(message, bytes) and self.format.name == "binary":
            return Parsed(MessageKind.DELIVERY, undamaged(self.format.open(message), 0), text=repr(message))
        if isinstance(message, bytes) or not message.startswith(ANSWER):
            return Parsed(MessageKind.UNEXPECTED, text=str(message))
        return Parsed(
            MessageKind.DELIVERY, undamaged(self.format.open(message), len(ANSWER)), text=message[len(ANSWER) :]
        )


PREFIX, SUFFIX = '{"received": ', "}"


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
        if isinstance(message, bytes) or not (message.startswith(PREFIX) and message.endswith(SUFFIX)):
            return Parsed(MessageKind.UNEXPECTED, text=str(message))
        opened = self.format.open(message[: -len(SUFFIX)])
        return Parsed(MessageKind.DELIVERY, undamaged(opened, len(PREFIX)), text=message[len(PREFIX) : -len(SUFFIX)])
