"""The chat of Socket.IO's tutorial, in the packets of its protocol."""

from __future__ import annotations

import json

from wsproof import Audience, Contract, Envelope, MessageKind, Order, Parsed, Send, Wait, Workload, open_envelope
from wsproof.workloads.steps import JoinSteps


def is_connected(message: str | bytes) -> bool:
    """Whether the message says that the namespace has accepted the client."""
    return isinstance(message, str) and message.startswith("40")


class SocketIo(Workload):
    name = "socketio"
    title = "Socket.IO: io.emit('chat message', text)"

    @property
    def contract(self) -> Contract:
        return Contract("socketio", Audience.EVERYONE, Order.TOTAL)

    def path(self, member: int) -> str:
        return "/socket.io/?EIO=4&transport=websocket"

    def join(self, member: int) -> JoinSteps:
        yield Send("40")
        # Socket.IO ends the connection over an event that comes before the namespace has accepted the client.
        yield Wait("the answer to CONNECT", until=is_connected)

    def answer(self, member: int, message: str | bytes) -> tuple[str, ...]:
        return ("3",)

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        return "42" + json.dumps(["chat message", envelope.seal(body)])

    def read(self, member: int, message: str | bytes) -> Parsed:
        if isinstance(message, str):
            if message == "2":  # a ping of Engine.IO
                return Parsed(MessageKind.IGNORED, needs_answer=True)
            if message.startswith("0") or is_connected(message):
                return Parsed(MessageKind.IGNORED)
            if message.startswith("42"):
                try:
                    match json.loads(message[2:]):
                        case ["chat message", str(said)]:
                            return Parsed(MessageKind.DELIVERY, open_envelope(said), text=said)
                except ValueError:
                    return Parsed(MessageKind.UNEXPECTED, text=message)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


WORKLOADS = [SocketIo]
