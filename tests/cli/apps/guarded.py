"""The tutorial's echo behind a token: a client without the token is refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
TOKEN = b"Bearer open-sesame"


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    if dict(scope["headers"]).get(b"authorization") != TOKEN:
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if message.get("text") is not None:
            await send({"type": "websocket.send", "text": f"Message received: {message['text']}"})
        else:
            await send({"type": "websocket.send", "bytes": message["bytes"]})
