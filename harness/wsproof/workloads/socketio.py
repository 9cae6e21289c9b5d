"""Socket.IO 4 over WebSocket (protocol 5, Engine.IO 4): one event, in one namespace.

0{...}                 the server opens the session
40/ns,{auth}           the member joins the namespace; the server answers in the same form, or 44 to refuse
42/ns,["event", text]  an event; with a number before the array it wants an acknowledgement, 43/ns,NUMBER[]
2                      the server's heartbeat, which is answered 3
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope
from wsproof.workloads.base import MessageKind, Parsed, Workload
from wsproof.workloads.formats import loaded, text_with_envelope
from wsproof.workloads.steps import JoinRefused, JoinSteps, Send, Wait

_PACKET = re.compile(r"4([0-6])(?:(/[^,]*),)?(\d*)(.*)", re.DOTALL)
"""Engine.IO's `message` with a Socket.IO packet: type, namespace, number of the acknowledgement, and data."""
_CONNECT, _EVENT, _ACK, _REFUSED = "0", "2", "3", "4"


class SocketIo(Workload):
    """A Socket.IO server that emits each event to all members of the namespace, under the same name.

    The text may be anywhere in the arguments of the event.
    """

    name = "socketio"
    title = "Socket.IO: an event that the server emits to all"
    parameters: ClassVar[Mapping[str, str]] = {
        "event": "the event that members emit (default `chat message`)",
        "receive": "the event in which members get it (default: the same)",
        "namespace": "the namespace (default `/`)",
        "path": "the path of the server (default /socket.io/)",
        "auth": "the JSON object that each member sends as its `auth`",
        "audience": "the audience: everyone (default) or others",
    }

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience(self.settings.get("audience", "everyone")), Order.PER_PUBLISHER)

    @property
    def namespace(self) -> str:
        """The namespace as a packet has it, with its comma; empty for the default one."""
        name = self.settings.get("namespace", "/")
        return "" if name == "/" else f"/{name.strip('/')},"

    def path(self, member: int) -> str:
        return f"{self.settings.get('path', '/socket.io/')}?EIO=4&transport=websocket"

    def auth(self, member: int) -> Mapping[str, Any]:
        """The message with which the member joins the namespace."""
        auth: Mapping[str, Any] = json.loads(self.settings.get("auth", "{}"))
        return auth

    def join(self, member: int) -> JoinSteps:
        auth = self.auth(member)
        yield Wait("the session", until=lambda message: str(message).startswith("0"))
        yield Send(f"40{self.namespace}{json.dumps(auth) if auth else ''}")
        answer = yield Wait("the namespace", until=self._answers_connect)
        if str(answer)[1] == _REFUSED:
            raise JoinRefused(str(answer)[2:])

    def _answers_connect(self, message: str | bytes) -> bool:
        return any(str(message).startswith(f"4{kind}{self.namespace}") for kind in (_CONNECT, _REFUSED))

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        event = self.settings.get("event", "chat message")
        return f"42{self.namespace}{json.dumps([event, envelope.seal(body)])}"

    def read(self, member: int, message: str | bytes) -> Parsed:
        if message == "2":
            return Parsed(MessageKind.IGNORED, needs_answer=True)
        packet = _PACKET.fullmatch(message) if isinstance(message, str) else None
        if packet is None:
            return Parsed(MessageKind.UNEXPECTED, text=str(message))
        if packet[1] == _EVENT:
            return self._read_event(packet[3], loaded(packet[4]), str(message))
        return Parsed(MessageKind.IGNORED if packet[1] in (_CONNECT, _ACK) else MessageKind.UNEXPECTED, text=packet[0])

    def _read_event(self, number: str, arguments: Any, message: str) -> Parsed:
        if not isinstance(arguments, list) or not arguments:
            return Parsed(MessageKind.UNEXPECTED, text=message)
        wants_ack = bool(number)
        if arguments[0] != self.settings.get("receive", self.settings.get("event", "chat message")):
            return Parsed(MessageKind.IGNORED, needs_answer=wants_ack)
        opened = text_with_envelope(arguments[1:])
        if opened is None:
            return Parsed(MessageKind.UNEXPECTED, text=message, needs_answer=wants_ack)
        return Parsed(MessageKind.DELIVERY, opened[1], text=opened[0], needs_answer=wants_ack)

    def answer(self, member: int, message: str | bytes) -> Iterable[str]:
        packet = _PACKET.fullmatch(str(message))
        return ["3"] if packet is None else [f"43{self.namespace}{packet[3]}[]"]


WORKLOADS = [SocketIo]
