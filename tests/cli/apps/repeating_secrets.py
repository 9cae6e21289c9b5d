"""The tutorial's echo with a fault: each answer repeats the secret that the client sent."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    credentials = f"{headers.get('authorization')} {headers.get('x-api-key')} {os.environ['DB_PASSWORD']}"
    await send({"type": "websocket.accept", "headers": [(b"x-told", credentials.encode())]})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": f"Message received: {message.get('text')}"})
        await send({"type": "websocket.send", "text": f"{credentials} said {message.get('text')}"})
