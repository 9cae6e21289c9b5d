"""The channel of `rooms_with_memory.py`."""

from __future__ import annotations

import json

from wsproof import Audience, Contract, Envelope, MessageKind, Parsed, Resume, Send, Wait, Workload, open_envelope
from wsproof.workloads.steps import JoinSteps, Message


class Moving(Workload):
    name = "moving"
    title = "Rooms that members change"
    rooms = 2

    @property
    def contract(self) -> Contract:
        return Contract("moving", Audience.EVERYONE, resume=Resume.SINCE_LAST)

    def path(self, member: int) -> str:
        return "/"

    def room_of(self, member: int) -> int:
        return member % self.rooms

    def join(self, member: int) -> JoinSteps:
        yield from self._go(self.room_of(member))

    def move(self, member: int, room: int) -> JoinSteps:
        yield from self._go(room)

    def resume(self, member: int, last: Message | None) -> JoinSteps:
        yield from self._go(self.room_of(member), **({} if last is None else {"since": json.loads(last)["number"]}))

    def _go(self, room: int, **more: int) -> JoinSteps:
        yield Send(json.dumps({"go": room, **more}))
        yield Wait("go", until=lambda message: '"in"' in str(message))

    def publish(self, member: int, envelope: Envelope, body: str) -> str:
        return json.dumps({"text": envelope.seal(body)})

    def read(self, member: int, message: str | bytes) -> Parsed:
        text = json.loads(message).get("text", "")
        return Parsed(MessageKind.DELIVERY, open_envelope(text), text=text)


WORKLOADS = [Moving]
