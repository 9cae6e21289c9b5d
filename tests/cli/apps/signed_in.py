"""Two channels that authenticate by query: a room with one token per member, and a lobby with one shared key.

The app refuses a query that is duplicated or mixed with another, as any server does that reads the whole query.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
PREFIX = "Tk9-ticket-for-"
KEY = "lobby-k3y-of-all"
members: set[Send] = set()


def user_of(path: str, query: str) -> str | None:
    """Return the user whom this query authenticates at this path; None if there is none."""
    name, _, value = query.partition("=")
    if path == "/lobby":
        return "somebody" if (name, value) == ("key", KEY) else None
    signed = path == "/room" and name == "token" and value.startswith(PREFIX) and "&" not in value
    return value.removeprefix(PREFIX) if signed else None


async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    user = user_of(scope["path"], scope["query_string"].decode())
    if user is None:
        await send({"type": "websocket.close"})
        return
    await send({"type": "websocket.accept"})
    audience = members if scope["path"] == "/room" else {send}
    audience.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            reply = json.dumps({"user": user, "text": str(message.get("text"))})
            for send_to_member in list(audience):
                await send_to_member({"type": "websocket.send", "text": reply})
    finally:
        members.discard(send)
