"""A server of known capacity at `/hall/{room}/{name}`. Each message reaches all members of the room.

The server makes LIMIT_PER_S deliveries a second on any machine. All deliveries go through one queue. A delivery takes 1
/ LIMIT_PER_S seconds, counted from its arrival or, if that is later, from the end of the previous delivery. The server
has LIMIT_SEATS seats, and refuses members when all are taken.
"""

from __future__ import annotations

import asyncio
import os
from collections import defaultdict
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

PER_S = float(os.environ.get("LIMIT_PER_S", "4000"))
SEATS = int(os.environ.get("LIMIT_SEATS", "100000"))

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

rooms: dict[str, list[Send]] = defaultdict(list)
turns: asyncio.Queue[tuple[float, Send, str]] = asyncio.Queue()
serving: list[asyncio.Task[None]] = []


async def serve() -> None:
    """Make the deliveries one after the other, each at its time. A late timer does not slow the queue down."""
    loop = asyncio.get_running_loop()
    free_at = 0.0
    while True:
        came_at, send, text = await turns.get()
        free_at = max(free_at, came_at) + 1 / PER_S
        if (wait_s := free_at - loop.time()) > 0:
            await asyncio.sleep(wait_s)
        try:
            await send({"type": "websocket.send", "text": text})
        except (RuntimeError, OSError):
            continue  # the member has left, and its delivery has used its time all the same


async def app(scope: Message, receive: Receive, send: Send) -> None:
    """The ASGI application."""
    if scope["type"] == "lifespan":
        while (message := await receive())["type"] != "lifespan.shutdown":
            serving.append(asyncio.create_task(serve()))
            await send({"type": f"{message['type']}.complete"})
        serving.pop().cancel()
        await send({"type": "lifespan.shutdown.complete"})
    elif scope["type"] == "websocket":
        await receive()
        if sum(map(len, rooms.values())) >= SEATS:
            await send({"type": "websocket.close", "code": 1013})
            return
        room = rooms[scope["path"].split("/")[2]]
        # Take the seat before the handshake ends: other members may connect in the meantime.
        room.append(send)
        try:
            await send({"type": "websocket.accept"})
            await listen(room, receive)
        finally:
            room.remove(send)


async def listen(room: list[Send], receive: Receive) -> None:
    """Queue each message of this member for every member of the room."""
    loop = asyncio.get_running_loop()
    while (message := await receive())["type"] == "websocket.receive":
        now = loop.time()
        for send in room:
            turns.put_nowait((now, send, message["text"]))
