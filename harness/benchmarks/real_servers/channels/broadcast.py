"""A channel at one path, where each message reaches all members."""

from __future__ import annotations

from wsproof import Audience, Contract, MessageKind, Order, Parsed, Workload, open_envelope


class Broadcast(Workload):
    name = "broadcast"
    title = "each message goes to all, as it came"

    @property
    def contract(self) -> Contract:
        return Contract("broadcast", Audience.EVERYONE, Order.TOTAL)

    def path(self, member: int) -> str:
        return "/"

    def read(self, member: int, message: str | bytes) -> Parsed:
        return Parsed(MessageKind.DELIVERY, open_envelope(message), text=str(message))


WORKLOADS = [Broadcast]
