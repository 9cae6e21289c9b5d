"""The channel of `ticketed.py`. Each secret of a member has a prefix of its own."""

from __future__ import annotations

import json
from hashlib import sha256

from wsproof import Audience, Contract, Envelope, MessageKind, Order, Parsed, Workload, open_envelope

BEGINNINGS = ("Qry7", "Grt7", "Msg7", "Pth7")
"""Prefixes of the secrets in the query, the greeting, the messages and the path."""


def secret(beginning: str, member: int) -> str:
    return beginning + sha256(f"{beginning} of {member}".encode()).hexdigest()[:20]


class Ticketed(Workload):
    name = "ticketed"
    title = "a ticket for everything"

    @property
    def contract(self) -> Contract:
        return Contract("ticketed", Audience.EVERYONE, Order.PER_PUBLISHER)

    def name_of(self, member: int) -> str:
        return f"u{self.base + member}"

    def secrets(self, member: int) -> list[str]:
        return [secret("Pth7", member)]

    def path(self, member: int) -> str:
        return f"/private/{secret('Pth7', member)}/room-{self.name_of(member)}?ticket={secret('Qry7', member)}"

    def greeting(self, member: int) -> str:
        return json.dumps({"type": "hello", "auth": {"accessToken": secret("Grt7", member)}})

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        return json.dumps({"type": "say", "api_key": secret("Msg7", member), "text": envelope.seal(body)})

    def read(self, member: int, message: str | bytes) -> Parsed:
        try:
            match json.loads(message):
                case {"user": str(user), "text": str(text)}:
                    return Parsed(MessageKind.DELIVERY, open_envelope(text), publisher=user, text=text)
                case {"hello": dict()}:
                    return Parsed(MessageKind.IGNORED)
        except ValueError:
            pass
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


WORKLOADS = [Ticketed]
