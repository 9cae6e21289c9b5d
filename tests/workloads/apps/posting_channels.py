"""The channel of `posting.py`: members listen to a WebSocket, and publish by HTTP."""

from __future__ import annotations

from wsproof import Audience, Contract, Envelope, HttpRequest, MessageKind, Parsed, Workload, open_envelope


class Posting(Workload):
    name = "posting"
    title = "Posted: what is posted, all in the same room get"
    rooms = 2

    @property
    def contract(self) -> Contract:
        return Contract("posting", Audience.EVERYONE)

    def path(self, member: int) -> str:
        return f"/listen/{self.room_of(member)}"

    def room_of(self, member: int) -> int:
        return member % self.rooms

    def publish(self, member: int, envelope: Envelope, body: str) -> HttpRequest:
        return HttpRequest("POST", f"/rooms/{self.room_of(member)}", envelope.seal(body))

    def read(self, member: int, message: str | bytes) -> Parsed:
        return Parsed(MessageKind.DELIVERY, open_envelope(message), text=str(message))


WORKLOADS = [Posting]
