"""A server whose capacity is known: `/hall/{room}/{name}`; what one says, all in its room get.

It makes LIMIT_PER_S deliveries a second, whatever the machine: each takes its turn in one queue,
1 / LIMIT_PER_S seconds after the one before it, or after it came. And it has LIMIT_SEATS seats: whoever comes when all
are taken is refused.
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
    """Deliver, one after the other, each at its time. A clock that rings late makes nobody's turn longer."""
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
            continue  # it has gone; its turn was used all the same


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
        # Taken before anybody can come in between: a seat is a seat even while its owner is still shaking hands.
        room.append(send)
        try:
            await send({"type": "websocket.accept"})
            await listen(room, receive)
        finally:
            room.remove(send)


async def listen(room: list[Send], receive: Receive) -> None:
    """Queue what this member says, for each who is there."""
    loop = asyncio.get_running_loop()
    while (message := await receive())["type"] == "websocket.receive":
        now = loop.time()
        for send in room:
            turns.put_nowait((now, send, message["text"]))
