"""nchan_pubsub: rooms by path."""

from __future__ import annotations

from wsproof import Audience, Contract, MessageKind, Order, Parsed, Workload, open_envelope


class Nchan(Workload):
    name = "nchan"
    title = "nginx nchan_pubsub over WebSocket"
    rooms = 2

    @property
    def contract(self) -> Contract:
        return Contract("nchan", Audience.EVERYONE, Order.TOTAL)

    def room_of(self, member: int) -> int:
        return member % self.rooms

    def path(self, member: int) -> str:
        return f"/ps/r{self.base}-{self.room_of(member)}"

    def read(self, member: int, message: str | bytes) -> Parsed:
        return Parsed(MessageKind.DELIVERY, open_envelope(message), text=str(message))


WORKLOADS = [Nchan]
