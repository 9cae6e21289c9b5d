"""A correct feed, and a feed that stops."""

from __future__ import annotations

import asyncio
from typing import Any

from tests.faulty.channels.reported.room_server import Peer, RoomServer

PERIOD_S = 0.05


class FeedServer(RoomServer):
    """The correct feed: one producer for all viewers, from the first to the last of them."""

    producer: asyncio.Task[None] | None = None
    number = 0

    @property
    def viewers(self) -> list[Peer]:
        return self.rooms.get("0", [])

    async def join(self, peer: Peer) -> None:
        await super().join(peer)
        if self.producer is None or self.producer.done():
            self.producer = self.spawn(self.produce())

    async def produce(self) -> None:
        while self.viewers:
            self.number += 1
            self.deliver("0", self.value())
            await asyncio.sleep(self.pause_s())

    def pause_s(self) -> float:
        return PERIOD_S

    def value(self) -> dict[str, Any]:
        return {"number": self.number, "cpu": self.number * 7 % 101, "delay": 0.5, "viewers": len(self.viewers)}

    async def publish(self, peer: Peer, text: str) -> None:
        """Viewers do not publish."""


class StopsWithItsFirstViewer(FeedServer):
    """The task of the first viewer produces the feed for all, and ends when that viewer leaves."""

    async def join(self, peer: Peer) -> None:
        await super().join(peer)
        peer.owns = self.viewers[0] is peer  # type: ignore[attr-defined]

    def leave(self, peer: Peer) -> None:
        super().leave(peer)
        if peer.owns and self.producer is not None:  # type: ignore[attr-defined]
            self.producer.cancel()
