"""A chat whose messages are the texts themselves, for tests of the limits that a server enforces."""

from __future__ import annotations

from wsproof import Audience, Contract, MessageKind, Parsed, Workload, open_envelope


class PlainChat(Workload):
    """All members of /ws receive each text, its publisher included."""

    name = "chat"
    contract = Contract("chat", Audience.EVERYONE)

    def path(self, member: int) -> str:
        return "/ws"

    def read(self, member: int, message: str | bytes) -> Parsed:
        return Parsed(MessageKind.DELIVERY, open_envelope(message), text=str(message))
