"""A correct server of JSON rooms, whose methods the planted faults override.

Members connect at `/ws?name=N&room=R`. A room receives `{"text": T}` as `{"who": N, "text": T}`.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import parse_qs

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Peer:
    """One connection. Its own task sends the messages in its queue, so that no peer waits for another."""

    def __init__(self, name: str, room: str, receive: Receive, send: Send) -> None:
        self.name, self.room, self.receive, self.send = name, room, receive, send
        self.queue: asyncio.Queue[str] = asyncio.Queue()
        self.writer = asyncio.create_task(self._write())
        self.joined_at = time.monotonic()
        self.has_left = False

    async def _write(self) -> None:
        try:
            while True:
                await self.transmit(await self.queue.get())
        except Exception:  # noqa: BLE001 - whatever the server raises for a peer that has gone
            return

    async def transmit(self, text: str) -> None:
        await self.send({"type": "websocket.send", "text": text})

    def put(self, value: object) -> None:
        self.queue.put_nowait(value if isinstance(value, str) else json.dumps(value))

    async def close(self, code: int) -> None:
        self.writer.cancel()
        await self.send({"type": "websocket.close", "code": code})


class RoomServer:
    """The correct server: an ASGI app."""

    def __init__(self) -> None:
        self.rooms: dict[str, list[Peer]] = {}
        self.tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            while (message := await receive())["type"] != "lifespan.shutdown":
                await send({"type": f"{message['type']}.complete"})
            await send({"type": "lifespan.shutdown.complete"})
        elif scope["type"] == "websocket":
            await receive()
            query = parse_qs(scope["query_string"].decode(), keep_blank_values=True)
            await self.serve(query.get("name", ["x"])[0], query.get("room", ["0"])[0], receive, send)
        else:
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    async def serve(self, name: str, room: str, receive: Receive, send: Send) -> None:
        """Serve one connection from its handshake to its end."""
        if not self.accepts(name):
            await send({"type": "websocket.close", "code": 1013})
            return
        await send({"type": "websocket.accept"})
        peer = Peer(name, room, receive, send)
        try:
            await self.join(peer)
            await self.read(peer)
        finally:
            peer.has_left = True
            peer.writer.cancel()
            self.leave(peer)

    async def read(self, peer: Peer) -> None:
        """Handle the messages of a connection until it ends."""
        while (message := await peer.receive())["type"] == "websocket.receive":
            text = text_of(message)
            if text is not None:
                await self.handle(peer, text)

    def accepts(self, name: str) -> bool:
        """Whether there is a seat for another connection."""
        return True

    def key_of(self, room: str) -> str:
        """The key under which a room is stored."""
        return room

    async def join(self, peer: Peer) -> None:
        self.rooms.setdefault(self.key_of(peer.room), []).append(peer)

    def leave(self, peer: Peer) -> None:
        members = self.rooms.get(self.key_of(peer.room), [])
        if peer in members:
            members.remove(peer)

    async def handle(self, peer: Peer, text: str) -> None:
        """Handle one text of a member."""
        await self.publish(peer, text)

    async def publish(self, peer: Peer, text: str) -> None:
        """Send a text to all members of the room of its author."""
        self.deliver(peer.room, {"who": peer.name, "text": text})

    def deliver(self, room: str, value: object) -> None:
        for other in list(self.rooms.get(self.key_of(room), [])):
            other.put(value)

    def spawn(self, work: Any) -> asyncio.Task[None]:
        """Run a coroutine in a task of its own."""
        task: asyncio.Task[None] = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


def text_of(message: Message) -> str | None:
    """The text that a member publishes with this message. None if it is malformed."""
    try:
        text = json.loads(message.get("text") or "")["text"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return text if isinstance(text, str) else None
