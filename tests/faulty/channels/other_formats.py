"""A server that does not use the tutorial's message formats. FAULT names its behaviour; it has no feed."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

FAULT = os.environ.get("FAULT", "")

Message = MutableMapping[str, Any]


async def app(
    scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    if FAULT == "refuses":
        await send({"type": "websocket.close", "code": 1008})
        return
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        if FAULT == "echoes unchanged" and message.get("text") is not None:
            await send({"type": "websocket.send", "text": message["text"]})
        elif FAULT == "closes":
            await send({"type": "websocket.close", "code": 1011})
            return
