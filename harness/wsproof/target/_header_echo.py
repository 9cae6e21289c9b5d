"""ASGI application that answers each WebSocket with the headers of its scope, as JSON.

It runs in the target's own interpreter and uses the standard library only, because wsproof may not be installed there.
"""

import json
from collections.abc import Awaitable, Callable
from typing import Any


async def app(
    scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    if scope["type"] == "lifespan":
        for state in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{state}.complete"})
    elif scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        headers = [[bytes(part).decode("latin-1") for part in header] for header in scope["headers"]]
        await send({"type": "websocket.send", "text": json.dumps(headers)})
        while (await receive())["type"] != "websocket.disconnect":
            pass
    else:
        await send({"type": "http.response.start", "status": 404, "headers": []})
        await send({"type": "http.response.body", "body": b""})
