"""Faults of publishing: messages are reordered, or reach only some members."""

from __future__ import annotations

import asyncio
import random
import time

from tests.faulty.channels.reported.room_server import Peer, RoomServer

WORK_S = 0.002
"""Seconds for one step of work, such as a query."""


class PublishesFromThreads(RoomServer):
    """Publishes each message from its own thread of a pool, in any order."""

    async def handle(self, peer: Peer, text: str) -> None:
        self.spawn(self.work(peer, text))

    async def work(self, peer: Peer, text: str) -> None:
        await asyncio.get_running_loop().run_in_executor(None, time.sleep, WORK_S * random.random())
        await self.publish(peer, text)


class AwaitsItsThreads(PublishesFromThreads):
    """Publishes each message from a thread, one message of a member after the other."""

    async def handle(self, peer: Peer, text: str) -> None:
        await self.work(peer, text)


class SendsToTheFirstHundred(RoomServer):
    """Reads only the first page of the room's members: 100 of them."""

    def deliver(self, room: str, value: object) -> None:
        for other in self.rooms.get(room, [])[:100]:
            other.put(value)
