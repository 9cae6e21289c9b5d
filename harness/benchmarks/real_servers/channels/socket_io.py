"""The chat of Socket.IO's tutorial, spoken in the packets of its protocol."""

from __future__ import annotations

import json

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, open_envelope
from wsproof.workloads import MessageKind, Parsed, Workload


class SocketIo(Workload):
    name = "socketio"
    title = "Socket.IO: io.emit('chat message', text)"

    @property
    def contract(self) -> Contract:
        return Contract("socketio", Audience.EVERYONE, Order.TOTAL)

    def path(self, member: int) -> str:
        return "/socket.io/?EIO=4&transport=websocket"

    def greeting(self, member: int) -> str:
        return "40"

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        return "42" + json.dumps(["chat message", envelope.seal(body)])

    def read(self, member: int, message: str | bytes) -> Parsed:
        if isinstance(message, str):
            if message[:1] in ("0", "2") or message.startswith("40"):
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
