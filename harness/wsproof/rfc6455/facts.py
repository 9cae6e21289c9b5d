"""What kind of endpoint this is: asked once per run, so that the oracle knows what a message is owed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from wsproof.errors import CannotTellError
from wsproof.net.client import Client
from wsproof.net.endpoint import Endpoint
from wsproof.wire import BinaryMessage, Event, Frame, Opcode, TextMessage

__all__ = ["Facts", "Heard", "Message", "probe"]

_WORD = "wsproof-probe"
_PATIENCE_S = 2.0
_SIZES = (70_000, 65_537, 65_536, 65_535, 16_384, 4_096, 1_024)


@dataclass(frozen=True, slots=True)
class Message:
    """A whole message: TEXT or BINARY, and its bytes."""

    opcode: int
    payload: bytes

    def describe(self) -> str:
        """One line for people."""
        return Frame(self.opcode, self.payload).describe()


class Heard:
    """Turns events into messages."""

    @staticmethod
    def message(event: Event) -> Message | None:
        """The message that this event is, or None."""
        if isinstance(event, TextMessage):
            return Message(Opcode.TEXT, event.text.encode("utf-8", "surrogatepass"))
        return Message(Opcode.BINARY, event.data) if isinstance(event, BinaryMessage) else None


@dataclass(frozen=True, slots=True)
class Facts:
    """An endpoint's habits.

    `prefix` stands before every text it sends back; None when it sends no text back (then a ping is the barrier).
    `binary` says that binary messages come back as they are. `deflate`: it agrees to permessage-deflate when offered.
    `largest_bytes` is a message size that is known to pass.
    """

    prefix: str | None
    binary: bool
    deflate: bool
    largest_bytes: int

    @property
    def echoes(self) -> bool:
        """Whether a text comes back."""
        return self.prefix is not None

    def reply_to(self, message: Message) -> Message | None:
        """What this message is owed, or None where the endpoint owes nothing."""
        if message.opcode == Opcode.BINARY:
            return message if self.binary else None
        return None if self.prefix is None else Message(Opcode.TEXT, self.prefix.encode() + message.payload)

    def to_json(self) -> dict[str, Any]:
        """The facts, for a recipe."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Facts:
        """The inverse of `to_json`."""
        return cls(**data)

    def describe(self) -> str:
        """One sentence for people."""
        echo = "no echo: a ping is the barrier" if self.prefix is None else f"echoes text behind {self.prefix!r}"
        binary = "echoes binary" if self.binary else "does not echo binary"
        return (
            f"{echo}; {binary}; messages of {self.largest_bytes} bytes pass; deflate {'yes' if self.deflate else 'no'}"
        )


def probe(endpoint: Endpoint, deadline_s: float) -> Facts:
    """Ask an endpoint what it is, in three or four short connections.

    Raises:
        CannotTellError: a plain, legal handshake is refused or not answered (wrong path, authentication).
        TargetError: nobody listens.
    """
    # An endpoint without an echo costs this wait once per run; nothing else in the suite waits for an absence.
    patience = _PATIENCE_S
    prefix = _prefix(endpoint, patience)
    binary = _comes_back(
        endpoint, Message(Opcode.BINARY, b"\x00\xffwsproof"), None, patience if prefix is None else 1.0
    )
    largest = _SIZES[-1]
    for size in _SIZES if prefix is not None else ():
        if _comes_back(endpoint, Message(Opcode.TEXT, b"x" * size), prefix, deadline_s):
            largest = size
            break
    return Facts(prefix, binary, _agrees_to_deflate(endpoint, deadline_s), largest)


def _open(endpoint: Endpoint, deadline_s: float) -> Client:
    client = Client(endpoint, deadline_s=deadline_s)
    response = client.open()
    if response.status != 101:
        client.abort()
        raise CannotTellError(
            f"expected {endpoint.url} to accept a plain WebSocket handshake (101), got {response.describe()}. "
            "Try another --path, or give what it asks for with --header, --token, --origin or --subprotocol."
        )
    return client


def _prefix(endpoint: Endpoint, patience: float) -> str | None:
    client = _open(endpoint, patience)
    try:
        client.peer.send_text(_WORD)
        client.flush()
        event = client.wait_event(lambda event: isinstance(event, TextMessage) and event.text.endswith(_WORD), patience)
        return event.text.removesuffix(_WORD) if isinstance(event, TextMessage) else None
    finally:
        client.abort()


def _comes_back(endpoint: Endpoint, message: Message, prefix: str | None, patience: float) -> bool:
    client = _open(endpoint, patience)
    try:
        client.peer.send_frame(Frame(message.opcode, message.payload))
        client.flush()
        owed = (prefix or "").encode() + message.payload
        wanted = Message(message.opcode, owed)
        return client.wait_event(lambda event: Heard.message(event) == wanted, patience) is not None
    finally:
        client.abort()


def _agrees_to_deflate(endpoint: Endpoint, deadline_s: float) -> bool:
    request = replace(endpoint.request("d3Nwcm9vZi1kZWZsYXRlIQ=="), extensions=("permessage-deflate",))
    client = Client(endpoint, deadline_s=deadline_s, request=request)
    try:
        client.open()
        return client.peer.deflate is not None
    finally:
        client.abort()
