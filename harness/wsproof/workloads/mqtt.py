"""MQTT 3.1.1 over WebSocket, QoS 0 or 1: members subscribe to a topic and publish to it.

Each binary message is read as one control packet, as brokers send them. (MQTT also allows a packet to span several
messages; such a message is reported as unexpected.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from wsproof.errors import UsageError
from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope, open_envelope
from wsproof.workloads.base import MessageKind, Parsed
from wsproof.workloads.settings import WorkloadWithRooms
from wsproof.workloads.steps import Every, JoinRefused, JoinSteps, Message, Send, Wait

_CONNECT, _CONNACK, _PUBLISH, _PUBACK, _SUBSCRIBE, _SUBACK, _PINGREQ, _PINGRESP = 1, 2, 3, 4, 8, 9, 12, 13
_KEEP_ALIVE_S = 60
"""The keep-alive that members announce, in seconds. They ping in half of it."""
_FAILURE = 0x80
"""The return code of a SUBACK for a subscription that the broker refuses."""


class Mqtt(WorkloadWithRooms):
    """An MQTT broker that delivers each publication to all subscribers of its topic, the publisher included."""

    name = "mqtt"
    title = "MQTT 3.1.1 over WebSocket: publish and subscribe, one topic per room"
    parameters: ClassVar[Mapping[str, str]] = {
        "topic": "prefix of the topics (default wsproof)",
        "rooms": "number of topics, which the members take in turn (default 2)",
        "qos": "0 (default) or 1: acknowledged",
        "path": "the path of the broker (default /mqtt)",
    }

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        qos = self.settings.get("qos", "0")
        if qos not in ("0", "1"):
            raise UsageError(f"expected mqtt.qos to be 0 or 1, got {qos!r}")
        self.qos = int(qos)

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, Order.PER_PUBLISHER)

    def name_of(self, member: int) -> str:
        return f"wsproof-{self.base + member}"

    def topic(self, member: int) -> str:
        """The topic of this member's room."""
        return f"{self.settings.get('topic', 'wsproof')}/{self.base}/{self.room_of(member)}"

    def path(self, member: int) -> str:
        return self.settings.get("path", "/mqtt")

    def subprotocols(self, member: int) -> Sequence[str]:
        return ["mqtt"]

    def join(self, member: int) -> JoinSteps:
        clean_session = b"\x04\x02" + _KEEP_ALIVE_S.to_bytes(2, "big")
        yield Send(_packet(_CONNECT, _string("MQTT") + clean_session + _string(self.name_of(member))))
        answer = yield Wait("CONNECT", until=lambda message: _kind(message) == _CONNACK)
        if isinstance(answer, str) or answer[3]:
            raise JoinRefused(f"CONNACK {answer!r}")
        yield Send(_packet(_SUBSCRIBE, b"\x00\x01" + _string(self.topic(member)) + bytes([self.qos]), flags=2))
        answer = yield Wait("SUBSCRIBE", until=lambda message: _kind(message) == _SUBACK, subscribes=True)
        if isinstance(answer, str) or answer[-1] == _FAILURE:
            raise JoinRefused(f"SUBACK {answer!r}")

    def timers(self, member: int) -> Iterable[Every]:
        return [Every(_KEEP_ALIVE_S / 2, _packet(_PINGREQ, b""))]

    def publish(self, member: int, envelope: Envelope, body: str) -> bytes:
        number = (envelope.sequence % 0xFFFF + 1).to_bytes(2, "big") if self.qos else b""
        body_bytes = envelope.seal_bytes(body.encode(errors="surrogatepass"))
        return _packet(_PUBLISH, _string(self.topic(member)) + number + body_bytes, flags=self.qos << 1)

    def read(self, member: int, message: Message) -> Parsed:
        kind = _kind(message)
        if kind in (_CONNACK, _SUBACK, _PUBACK, _PINGRESP):
            return Parsed(MessageKind.IGNORED)
        if kind == _PUBLISH and isinstance(message, bytes):
            opened = open_envelope(message)
            if opened is not None:
                text = message[opened.start :].decode(errors="replace")
                return Parsed(MessageKind.DELIVERY, opened, text=text, needs_answer=_quality(message) == 1)
        return Parsed(MessageKind.UNEXPECTED, text=repr(message))

    def answer(self, member: int, message: Message) -> Iterable[Message]:
        assert isinstance(message, bytes)
        start = _start(message)
        number_at = start + 2 + int.from_bytes(message[start : start + 2], "big")
        return [_packet(_PUBACK, message[number_at : number_at + 2])]


def _packet(kind: int, body: bytes, flags: int = 0) -> bytes:
    """A control packet: its type, the remaining length in seven bits a byte, and the rest (MQTT 2.2)."""
    rest, length = len(body), b""
    while True:
        rest, digit = rest >> 7, rest & 127
        length += bytes([digit | (128 if rest else 0)])
        if not rest:
            return bytes([kind << 4 | flags]) + length + body


def _string(value: str) -> bytes:
    """A string with its length in front (MQTT 1.5.3)."""
    raw = value.encode()
    return len(raw).to_bytes(2, "big") + raw


def _start(packet: bytes) -> int:
    """The offset after the field "remaining length"."""
    return next(at for at in range(1, len(packet)) if packet[at] < 128) + 1


def _kind(message: Message) -> int | None:
    """The type of the only control packet of a message; None if it is no whole packet."""
    if isinstance(message, str) or len(message) < 2:
        return None
    length, start = 0, 1
    for start, digit in enumerate(message[1:5], 2):
        length |= (digit & 127) << 7 * (start - 2)
        if digit < 128:
            return message[0] >> 4 if len(message) == start + length else None
    return None


def _quality(packet: bytes) -> int:
    """The quality of service of a PUBLISH packet."""
    return packet[0] >> 1 & 3


WORKLOADS = [Mqtt]
