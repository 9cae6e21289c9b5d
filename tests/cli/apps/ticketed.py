"""A room that requires five secrets of each member, and repeats all of them in answers, refusals and its log.

The secrets are in the query, in a header, in the greeting, in each message and in a place known only to the channel.
`FAULT=lose` drops every third message, so that the suite has findings.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
LOSES = os.environ.get("FAULT") == "lose"
members: set[Send] = set()
published = 0


async def app(scope: Message, receive: Callable[[], Awaitable[Message]], send: Send) -> None:
    global published
    if scope["type"] != "websocket":
        return
    await receive()
    headers = {name.decode(): value.decode() for name, value in scope["headers"]}
    credentials = f"{scope['path']}?{scope['query_string'].decode()} {headers.get('authorization', 'nobody')}"
    print("opened by", credentials, file=sys.stderr, flush=True)  # noqa: T201
    user = scope["path"].rpartition("-")[2]
    await send({"type": "websocket.accept", "headers": [(b"x-told", credentials.encode())]})
    members.add(send)
    try:
        while (message := await receive())["type"] == "websocket.receive":
            data = as_data(message.get("text"))
            if data.get("type") != "say":
                print("greeted with", data, file=sys.stderr, flush=True)  # noqa: T201
                await send({"type": "websocket.send", "text": json.dumps({"hello": data, "told": credentials})})
                continue
            published += 1
            if published % 7 == 0:
                await send({"type": "websocket.send", "text": f"strange: {json.dumps(data)} {credentials}"})
            if LOSES and published % 3 == 0:
                continue
            for other in list(members):
                text = json.dumps({"user": user, "text": data["text"]})
                await other({"type": "websocket.send", "text": text})
    finally:
        members.discard(send)


def as_data(text: str | None) -> dict[str, Any]:
    try:
        data = json.loads(text or "")
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
