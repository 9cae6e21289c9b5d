"""Rooms with their members on this worker, which get every message once and in order.

A message goes to the timeline (stored, then announced to all workers) and comes back from it, also to its sender.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

from target_app.history import ROOM, Entry
from target_app.messages import Message
from target_app.outbox import Outgoing
from target_app.room_messages import Members, Passed, Present, Said, SomebodyTypes, Told
from target_app.services import Services

REMEMBERED = 256
"""Number of latest entries that a room keeps for new members."""

READ_AT_ONCE = 200


class Member(Protocol):
    """A connection in a room, over a WebSocket or the fallback."""

    @property
    def user(self) -> str: ...

    def deliver(self, message: Outgoing) -> None: ...


class Room:
    """One room on one worker, which stays open while it has members."""

    def __init__(self, name: str, services: Services) -> None:
        self.channel = channel_of(name)
        self.head = 0
        self._services = services
        self._members: dict[Member, None] = {}
        self._recent: deque[Entry] = deque(maxlen=REMEMBERED)
        self._moved = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Follow the timeline of the room for the duration of the block. Raises HistoryUnavailable."""
        topic = _typing_topic(self.channel)
        unsubscribe = self._services.backplane.subscribe(topic, self._typing)
        try:
            async with self._services.timeline.following(self.channel, self._entry) as self.head:
                yield
        finally:
            unsubscribe()

    async def rest(self, after: int) -> list[Entry]:
        """Return the entries after this number, up to the latest handled. A caller that gets an empty list, and then
        awaits nothing before `attending`, misses nothing."""
        while self.head < after:  # the caller has read entries that are not announced yet
            self._moved.clear()
            self._services.timeline.look(self.channel)
            await self._moved.wait()
        missing = self.head - after
        if missing <= 0:
            return []
        if self._recent and self._recent[0].seq <= after + 1:
            return [entry for entry in self._recent if entry.seq > after]
        return await self._services.history.since(self.channel, after, READ_AT_ONCE)

    @contextmanager
    def attending(self, member: Member) -> Iterator[None]:
        """Deliver everything from now on to `member` for the duration of the block."""
        self._members[member] = None
        try:
            with self._services.hub.subscription(self.channel, member):
                yield
        finally:
            del self._members[member]

    def members(self) -> Members:
        return Members(users=self._services.presence.members(self.channel))

    async def tell_typing(self, user: str) -> None:
        """Tell all members that `user` is typing."""
        await self._services.backplane.publish(_typing_topic(self.channel), user)

    def _typing(self, user: str) -> None:
        self._services.hub.publish(self.channel, SomebodyTypes(user=user).to_json(), key=("typing", user))

    def announce_presence(self, user: str, *, here: bool) -> None:
        event = Present(event="join" if here else "leave", user=user)
        self._services.hub.publish(self.channel, event.to_json())

    def _entry(self, entry: Entry) -> None:
        self.head = entry.seq
        self._recent.append(entry)
        self._moved.set()
        if entry.kind == "say":
            self._services.hub.publish(self.channel, message_of(entry, "").to_json())
            return
        for member in self._members:
            member.deliver(Outgoing.of(message_of(entry, member.user).to_json()))


class Rooms:
    """The rooms with members. One for each application: `services.shared(Rooms)`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rooms: dict[str, OpenRoom] = {}
        services.presence.watch(self._changed)

    @asynccontextmanager
    async def entered(self, name: str) -> AsyncIterator[Room]:
        """Yield the room, which stays open while it has members. Raises HistoryUnavailable."""
        opened_room = self._rooms.get(channel_of(name))
        if opened_room is None:
            opened_room = self._rooms[channel_of(name)] = OpenRoom(Room(name, self._services))
        opened_room.users += 1
        try:
            await asyncio.shield(opened_room.opened)
            yield opened_room.room
        finally:
            opened_room.users -= 1
            if opened_room.users == 0:
                del self._rooms[opened_room.room.channel]
                opened_room.close()

    def _changed(self, channel: str, user: str, here: bool) -> None:
        if opened_room := self._rooms.get(channel):
            opened_room.room.announce_presence(user, here=here)


class OpenRoom:
    """Keeps a room open in a separate task, so that it does not depend on the first member's task."""

    def __init__(self, room: Room) -> None:
        self.room = room
        self.users = 0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._keep(), name=f"room {room.channel}")

    async def _keep(self) -> None:
        try:
            async with self.room.open():
                self.opened.set_result(None)
                await asyncio.Event().wait()
        except Exception as failed:  # noqa: BLE001 - every waiting task gets this exception
            self.opened.set_exception(failed)

    def close(self) -> None:
        self._task.cancel()


def channel_of(name: str) -> str:
    """Return the name of a room's channel in the hub, the history and the presence."""
    return f"{ROOM}{name}"


def message_of(entry: Entry, reader: str) -> Message:
    """Return the entry as `reader` may see it."""
    text = entry.body["text"]
    if entry.kind == "say":
        return Said(seq=entry.seq, at=entry.at, user=entry.sender, id=entry.client_id, text=text)
    to = entry.body["to"]
    if reader not in (entry.sender, to):
        return Passed(seq=entry.seq)
    return Told(seq=entry.seq, at=entry.at, user=entry.sender, to=to, id=entry.client_id, text=text)


def _typing_topic(channel: str) -> str:
    return f"typing:{channel}"
