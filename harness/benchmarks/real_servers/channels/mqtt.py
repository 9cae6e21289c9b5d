"""MQTT 3.1.1 with QoS 0: connect and subscribe, then publish to one topic per room."""

from __future__ import annotations

import struct

from wsproof import Audience, Contract, Envelope, MessageKind, Order, Parsed, Workload, open_envelope

_CONNECT, _CONNACK, _PUBLISH, _SUBSCRIBE, _SUBACK = b"\x10", b"\x20", b"\x30", b"\x82", b"\x90"


def packet(kind: bytes, body: bytes) -> bytes:
    """A control packet: its type, the remaining length in seven bits a byte, and the rest."""
    rest, length = len(body), b""
    while True:
        rest, digit = rest >> 7, rest & 127
        length += bytes([digit | (128 if rest else 0)])
        if not rest:
            return kind + length + body


def text(value: str) -> bytes:
    """A string, preceded by its length."""
    raw = value.encode()
    return struct.pack(">H", len(raw)) + raw


class Mqtt(Workload):
    name = "mqtt"
    title = "MQTT 3.1.1 QoS 0 over WebSocket"
    rooms = 2

    @property
    def contract(self) -> Contract:
        return Contract("mqtt", Audience.EVERYONE, Order.PER_PUBLISHER)

    def room_of(self, member: int) -> int:
        return member % self.rooms

    def topic(self, member: int) -> str:
        return f"wsproof/{self.base}/{self.room_of(member)}"

    def path(self, member: int) -> str:
        return "/mqtt"

    def name_of(self, member: int) -> str:
        return f"wsproof-{self.base + member}"

    def greeting(self, member: int) -> bytes:
        connect = text("MQTT") + bytes([4, 2, 0, 0]) + text(self.name_of(member))
        return packet(_CONNECT, connect) + packet(_SUBSCRIBE, b"\0\1" + text(self.topic(member)) + b"\0")

    def publish(self, member: int, envelope: Envelope, body: str) -> bytes:
        return packet(_PUBLISH, text(self.topic(member)) + envelope.seal_bytes(body.encode()))

    def read(self, member: int, message: str | bytes) -> Parsed:
        if isinstance(message, bytes):
            if message[:1] == _PUBLISH and (opened := open_envelope(message)) is not None:
                return Parsed(MessageKind.DELIVERY, opened, text=message[opened.start :].decode(errors="replace"))
            if message[:1] in (_CONNACK, _SUBACK):
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=repr(message))


WORKLOADS = [Mqtt]
