"""SignalR (JSON hub protocol, version 1): a hub method that members invoke, and the one that it invokes on clients.

Each message ends in U+001E, and a WebSocket message may hold several. The connection is opened without `negotiate`, as
with `skipNegotiation` in the browser.

{"protocol": "json", "version": 1}                       the handshake; answered {}, or {"error": ...}
{"type": 1, "target": "Send", "arguments": [text]}       an invocation, in either direction
{"type": 6}                                              a ping, in either direction
{"type": 7, "error": ...}                                the server ends the connection
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.formats import loaded, text_with_envelope
from wsproof.workloads.steps import Every, JoinRefused, JoinSteps, Message, Send, Wait

_END = "\x1e"
_PING_S = 15.0
"""Seconds between two pings of the client of ASP.NET Core."""


class SignalR(Workload):
    """A SignalR hub that sends the message of each member to all clients."""

    name = "signalr"
    title = "SignalR: a hub method that sends to all clients"
    parameters: ClassVar[Mapping[str, str]] = {
        "send": "the hub method that members invoke (default SendMessage)",
        "receive": "the method that the hub invokes on clients (default ReceiveMessage)",
        "arguments": "the JSON array of arguments before the text (default [])",
        "path": "the path of the hub (default /chat)",
        "audience": "the audience: everyone (default) or others",
    }

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience(self.settings.get("audience", "everyone")), Order.PER_PUBLISHER)

    def path(self, member: int) -> str:
        return self.settings.get("path", "/chat")

    def join(self, member: int) -> JoinSteps:
        yield Send(_packet({"protocol": "json", "version": 1}))
        answer = yield Wait("the handshake", until=_is_answer_to_handshake)
        if "error" in loaded(str(answer).rstrip(_END)):
            raise JoinRefused(str(answer).rstrip(_END))

    def split(self, message: Message) -> Sequence[Message]:
        text = _text(message)
        return [f"{record}{_END}" for record in text.split(_END)[:-1]] if text.endswith(_END) else ()

    def timers(self, member: int) -> Iterable[Every]:
        return [Every(_PING_S, _packet({"type": 6}))]

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        arguments = [*json.loads(self.settings.get("arguments", "[]")), envelope.seal(body)]
        return _packet({"type": 1, "target": self.settings.get("send", "SendMessage"), "arguments": arguments})

    def read(self, member: int, message: Message) -> Parsed:
        packet = str(message)
        match loaded(packet[:-1]) if packet.endswith(_END) else None:
            case {"type": 1, "target": str(target), "arguments": list(arguments)}:
                if target != self.settings.get("receive", "ReceiveMessage"):
                    return Parsed(MessageKind.IGNORED)
                opened = text_with_envelope(arguments)
                if opened is not None:
                    return Parsed(MessageKind.DELIVERY, opened[1], text=opened[0])
            case {"type": 3 | 6}:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=packet)


def _packet(value: Mapping[str, Any]) -> str:
    return json.dumps(value) + _END


def _text(message: Message) -> str:
    """The text of a message. Some servers send JSON in binary messages, which Microsoft's own does not."""
    return message if isinstance(message, str) else message.decode(errors="replace")


def _is_answer_to_handshake(message: Message) -> bool:
    answer = loaded(str(message).rstrip(_END))
    return isinstance(answer, dict) and "type" not in answer


WORKLOADS = [SignalR]
