"""A chat with external publishers, in plain ASGI: `POST /rooms/N` publishes, `/listen/N` is a WebSocket.

Correct except for the planted fault that FAULT names. `forgets`: every fifth publication does not reach the first
listener; `leaks`: rooms are not told apart; `refuses`: every third request is answered 429, and not published; `fails`:
every third is answered 500 after it was published to the first listener only.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

FAULT = os.environ.get("FAULT", "")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

listeners: list[tuple[str, Send]] = []
count = 0


async def app(scope: Message, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await listen(scope["path"].rpartition("/")[2], receive, send)
    elif scope["type"] == "http":
        body = b""
        while True:
            part = await receive()
            body += part.get("body", b"")
            if not part.get("more_body"):
                break
        status = await publish(scope["path"].rpartition("/")[2], body.decode())
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"4")]})
        await send({"type": "http.response.body", "body": b"done"})


async def listen(room: str, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    me = (room, send)
    listeners.append(me)
    try:
        while (await receive())["type"] == "websocket.receive":
            pass
    finally:
        listeners.remove(me)


async def publish(room: str, text: str) -> int:
    global count
    count += 1
    if FAULT == "refuses" and count % 3 == 0:
        return 429
    for number, (listener_room, send) in enumerate(list(listeners)):
        if FAULT == "fails" and count % 3 == 0 and number:
            return 500
        is_missed = FAULT == "forgets" and count % 5 == 0 and number == 0
        if (listener_room == room or FAULT == "leaks") and not is_missed:
            try:
                await send({"type": "websocket.send", "text": text})
            except Exception:  # noqa: BLE001, S112 - whatever the server raises for a peer that has gone
                continue
    return 200
