"""Centrifugo's JSON protocol (version 2): one channel per room, to which members subscribe and publish.

A WebSocket message holds one or more objects, each on a line of its own.

{"id": 1, "connect": {"token": ...}}                          answered {"id": 1, "connect": {...}} or "error"
{"id": 2, "subscribe": {"channel": ...}}                      answered likewise
{"id": 3, "publish": {"channel": ..., "data": ...}}           answered {"id": 3, "publish": {}}
{"push": {"channel": ..., "pub": {"data": ...}}}              a publication, as all subscribers get it
{}                                                            the server's ping, which is answered {}
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

from wsproof.model.contract import Audience, Contract, Order
from wsproof.model.envelope import Envelope
from wsproof.workloads.base import MessageKind, Parsed
from wsproof.workloads.formats import loaded, text_with_envelope
from wsproof.workloads.settings import WorkloadWithRooms
from wsproof.workloads.steps import JoinRefused, JoinSteps, Message, Send, Wait

_CONNECT, _SUBSCRIBE, _FIRST_PUBLISH = 1, 2, 3
"""Numbers of the commands."""


class Centrifugo(WorkloadWithRooms):
    """A Centrifugo channel that delivers each publication to all its subscribers as a push."""

    name = "centrifugo"
    title = "Centrifugo (JSON): a publication to a channel reaches all its subscribers"
    parameters: ClassVar[Mapping[str, str]] = {
        "channel": "prefix of the channels (default room-)",
        "rooms": "number of channels, which the members take in turn (default 2)",
        "field": "the field of the data that holds the text (default text)",
        "token": "the connection token",
        "path": "the path of the server (default /connection/websocket)",
    }

    def __init__(self, settings: Mapping[str, str] | None = None, *, base: int = 1) -> None:
        super().__init__(settings, base=base)
        self._without_pong: set[int] = set()

    @property
    def contract(self) -> Contract:
        return Contract(self.name, Audience.EVERYONE, Order.PER_PUBLISHER)

    def path(self, member: int) -> str:
        return self.settings.get("path", "/connection/websocket")

    def channel(self, member: int) -> str:
        """The channel of the member's room."""
        return f"{self.settings.get('channel', 'room-')}{self.room_of(member)}"

    def token(self, member: int) -> str:
        """The member's connection token; empty for none."""
        return self.settings.get("token", "")

    def join(self, member: int) -> JoinSteps:
        token = self.token(member)
        yield Send(_command(_CONNECT, connect={"token": token} if token else {}))
        reply = _accepted((yield Wait("connect", until=_answers(_CONNECT))), "connect")
        if not reply.get("pong"):
            self._without_pong.add(member)
        yield Send(_command(_SUBSCRIBE, subscribe={"channel": self.channel(member)}))
        _accepted((yield Wait("subscribe", until=_answers(_SUBSCRIBE), subscribes=True)), "subscribe")

    def split(self, message: Message) -> Sequence[Message]:
        return [line for line in message.split("\n") if line] if isinstance(message, str) else ()

    def answer(self, member: int, message: Message) -> Iterable[str]:
        return () if member in self._without_pong else ("{}",)

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        data = {self.settings.get("field", "text"): envelope.seal(body)}
        return _command(_FIRST_PUBLISH + envelope.sequence, publish={"channel": self.channel(member), "data": data})

    def read(self, member: int, message: Message) -> Parsed:
        match loaded(message):
            case dict(ping) if not ping:
                return Parsed(MessageKind.IGNORED, needs_answer=True)
            case {"push": {"pub": {"data": data}}} if (opened := text_with_envelope(data)) is not None:
                return Parsed(MessageKind.DELIVERY, opened[1], text=opened[0])
            case {"push": {"join": _} | {"leave": _} | {"message": _} | {"refresh": _}}:
                return Parsed(MessageKind.IGNORED)
            case {"id": int(), **rest} if "error" not in rest:
                return Parsed(MessageKind.IGNORED)
        return Parsed(MessageKind.UNEXPECTED, text=str(message))


def _command(number: int, **fields: Any) -> str:
    return json.dumps({"id": number, **fields})


def _answers(number: int) -> Any:
    def is_reply(message: Message) -> bool:
        reply = loaded(message)
        return isinstance(reply, dict) and reply.get("id") == number

    return is_reply


def _accepted(message: Message, command: str) -> Mapping[str, Any]:
    """The result of a command. Raises JoinRefused if the server answers with an error."""
    reply = loaded(message)
    result: Any = reply.get(command)
    if "error" in reply or not isinstance(result, dict):
        raise JoinRefused(str(message))
    return result


WORKLOADS = [Centrifugo]
