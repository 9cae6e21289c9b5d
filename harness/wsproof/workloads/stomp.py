"""STOMP 1.2 over WebSocket: one destination per room.

CONNECT     is answered CONNECTED, or ERROR
SUBSCRIBE   with a receipt, so that the member knows when it is subscribed
SEND        a publication; subscribers of the destination get it as a MESSAGE
a newline   a heartbeat, in either direction
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar, TypeAlias

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, open_envelope
from wsproof.workloads.base import MessageKind, Parsed
from wsproof.workloads.settings import WorkloadWithRooms
from wsproof.workloads.steps import Every, JoinRefused, JoinSteps, Message, Send, Wait

_HEARTBEAT_S = 10.0
_RECEIPT = "subscribed"
_HEAD_END = re.compile(rb"\r?\n\r?\n")
Frame: TypeAlias = tuple[str, Mapping[str, str], str]
"""Command, headers and body."""


class Stomp(WorkloadWithRooms):
    """A STOMP broker that delivers each message to all subscribers of its destination, the sender included."""

    name = "stomp"
    title = "STOMP 1.2: messages to a destination"
    parameters: ClassVar[Mapping[str, str]] = {
        "destination": "prefix of the destinations (default /topic/room-)",
        "rooms": "number of destinations, which the members take in turn (default 2)",
        "send": "prefix of the destinations of SEND (default: the same)",
        "host": "the virtual host (default /)",
        "login": "the user name (default none)",
        "passcode": "the password (default none)",
        "path": "the path of the server (default /ws)",
    }

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, Order.PER_PUBLISHER)

    def path(self, member: int) -> str:
        return self.settings.get("path", "/ws")

    def subprotocols(self, member: int) -> list[str]:
        return ["v12.stomp"]

    def secrets(self, member: int) -> list[str]:
        return [value for name, value in self.settings.items() if name == "passcode"]

    def join(self, member: int) -> JoinSteps:
        login = {name: value for name, value in self.settings.items() if name in ("login", "passcode")}
        beats = f"{_HEARTBEAT_S * 1000:.0f}"
        host = self.settings.get("host", "/")
        headers = {"accept-version": "1.2", "host": host, "heart-beat": f"{beats},{beats}"}
        yield Send(_encoded("CONNECT", headers | login))
        _require((yield Wait("CONNECT", until=lambda message: _command(message) in ("CONNECTED", "ERROR"))))
        where = f"{self.settings.get('destination', '/topic/room-')}{self.room_of(member)}"
        yield Send(_encoded("SUBSCRIBE", {"id": "0", "destination": where, "receipt": _RECEIPT}))
        _require((yield Wait("SUBSCRIBE", until=lambda m: _command(m) in ("RECEIPT", "ERROR"), subscribes=True)))

    def timers(self, member: int) -> Iterable[Every]:
        return [Every(_HEARTBEAT_S / 2, "\n")]

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        begins = self.settings.get("send", self.settings.get("destination", "/topic/room-"))
        text = envelope.seal(body)
        headers = {
            "destination": f"{begins}{self.room_of(member)}",
            "content-type": "text/plain",
            "content-length": str(len(text.encode())),
        }
        return _encoded("SEND", headers, text)

    def read(self, member: int, message: Message) -> Parsed:
        if message in ("\n", b"\n", "\r\n"):
            return Parsed(MessageKind.IGNORED)
        match parsed_frame(message):
            case ("MESSAGE", _, text) if (opened := open_envelope(text)) is not None:
                return Parsed(MessageKind.DELIVERY, opened, text=text)
            case ("CONNECTED" | "RECEIPT", _, _):
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


def _encoded(command: str, headers: Mapping[str, str], body: str = "") -> str:
    # CONNECT escapes nothing (STOMP 1.2, "Value Encoding"), and no header of ours needs it otherwise.
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    return f"{command}\n{lines}\n{body}\0"


def parsed_frame(message: Message) -> Frame | None:
    """The parts of a frame; None if the message is not one. The body ends after its length, or before the NUL."""
    data = message.encode() if isinstance(message, str) else message
    head_end = _HEAD_END.search(data)
    if head_end is None:
        return None
    rest = data[head_end.end() :]
    command, *lines = data[: head_end.start()].decode("utf-8", "replace").replace("\r", "").split("\n")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            return None
        headers.setdefault(name, value)
    length = headers.get("content-length", "")
    end = int(length) if length.isascii() and length.isdigit() else rest.find(b"\0")
    if end < 0 or rest[end : end + 1] != b"\0":
        return None
    return command, headers, rest[:end].decode("utf-8", "replace")


def _command(message: Message) -> str:
    frame = parsed_frame(message)
    return frame[0] if frame is not None else ""


def _require(message: Message) -> None:
    """Raise JoinRefused for an ERROR frame."""
    frame = parsed_frame(message)
    if frame is not None and frame[0] == "ERROR":
        raise JoinRefused(f"ERROR {frame[1].get('message', '')} {frame[2]}".strip())


WORKLOADS = [Stomp]
