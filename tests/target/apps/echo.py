"""A plain ASGI echo that can fail to start in several ways."""

import os
import sys
from typing import Any


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Echo messages. `environment NAME` is answered with that variable; `print ...` also goes to standard output."""
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    if scope["type"] != "websocket":
        raise RuntimeError(f"this app speaks only WebSocket, got {scope['type']}")
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] == "websocket.disconnect":
            return
        text = message.get("text")
        if text is None:
            await send({"type": "websocket.send", "bytes": message["bytes"]})
            continue
        if text.startswith("print "):
            sys.stdout.write(text.removeprefix("print ") + "\n")
        if text.startswith("environment "):
            text = os.environ.get(text.removeprefix("environment "), "")
        await send({"type": "websocket.send", "text": text})
