"""The chat channel of `tutorial`: `/ws/{client_id}`, with one room for all clients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar
from urllib.parse import quote

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, undamaged
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.formats import Format

REPLIES = ("You: ", "You wrote: ")
"""Prefixes of a reply: in the classic tutorial, and in FastAPI's documentation."""
SAYS = re.compile(r"Client #(.*?) says: ", re.DOTALL)
"""Start of a delivery, with the shortest possible name. Used if the envelope is missing or damaged."""
SAYS_WHOLE = re.compile(r"Client #(.*) says: ", re.DOTALL)
"""The server's whole prefix of a body. A name may contain `says: `."""
LEFT = re.compile(r"Client #(.*) left the chat", re.DOTALL)
"""A leave notice."""


class Chat(Workload):
    """A text of client 7 is answered `You: T` or `You wrote: T`. All clients, 7 included, get `Client #7 says: T`."""

    name = "chat"
    title = "Chat: each text reaches all clients; when a client leaves, the others are told"
    any_text = True
    parameters: ClassVar[Mapping[str, str]] = {
        "prefix": "prefix of a client's number in its name in the URL, e.g. `load-`",
        "format": "what messages are: text or json",
    }

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self.format = Format(self.settings, self.name, ("text", "json"))

    @property
    def contract(self) -> Contract:
        return Contract(
            channel=self.name,
            audience=Audience.EVERYONE,
            order=Order.PER_PUBLISHER,
            agreed_order=True,
            replies=True,
            leaves=True,
        )

    def name_of(self, member: int) -> str:
        return f"{self.settings.get('prefix', '')}{self.base + member}"

    def path(self, member: int) -> str:
        return f"/ws/{quote(self.name_of(member), safe='')}"

    def publish(self, member: int, envelope: Envelope, body: str) -> str | bytes:
        return self.format.publish(envelope, body)

    def read(self, member: int, message: str | bytes) -> Parsed:
        if isinstance(message, bytes):
            return Parsed(MessageKind.UNEXPECTED, text=repr(message))
        if message.startswith(REPLIES):
            reply = next(words for words in REPLIES if message.startswith(words))
            opened = undamaged(self.format.open(message), len(reply))
            return Parsed(MessageKind.REPLY, opened, text=message[len(reply) :])
        notice = LEFT.fullmatch(message)
        if notice:
            return Parsed(MessageKind.LEAVE, member=notice[1], text=message)
        return self._read_delivery(message)

    def _read_delivery(self, message: str) -> Parsed:
        """Parse `Client #7 says: T`.

        Names and texts may contain anything, so the position of the body in the envelope decides where the prefix ends.
        """
        opened = self.format.open(message)
        if opened is not None and opened.intact:
            prefix = message.encode(errors="surrogatepass")[: opened.start].decode(errors="replace")
            says = SAYS_WHOLE.fullmatch(prefix)
            if says:
                return Parsed(MessageKind.DELIVERY, opened, says[1], text=message[len(prefix) :])
        says = SAYS.match(message)
        if says is None:
            return Parsed(MessageKind.UNEXPECTED, opened, text=message)
        return Parsed(MessageKind.DELIVERY, undamaged(opened, -1), says[1], text=message[says.end() :])
