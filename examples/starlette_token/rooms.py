"""Rooms for members with a token: what one says in JSON, the others in its room get."""

from __future__ import annotations

import asyncio
import json
import os
from collections import defaultdict
from contextlib import suppress
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

TOKEN = os.environ.get("ROOMS_TOKEN", "example-token")
rooms: dict[str, dict[WebSocket, asyncio.Queue[Any]]] = defaultdict(dict)


async def write(ws: WebSocket, queue: asyncio.Queue[Any]) -> None:
    """Send what is queued for one member, until it has gone."""
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await ws.send_json(await queue.get())


def said(event: Any) -> str | None:
    """The text of a message such as `{"type": "message", "text": "hello"}`; None for any other message."""
    try:
        message = json.loads(event.get("text") or "")
    except ValueError:
        return None
    is_said = isinstance(message, dict) and message.get("type") == "message" and isinstance(message.get("text"), str)
    return message["text"] if is_said else None


async def room(ws: WebSocket) -> None:
    """Hand on what a member says to the others in its room."""
    if ws.headers.get("Authorization") != f"Bearer {TOKEN}":
        await ws.close(4401)
        return
    await ws.accept()
    members = rooms[ws.path_params["room"]]
    queue = members[ws] = asyncio.Queue()
    writer = asyncio.create_task(write(ws, queue))
    try:
        while (event := await ws.receive())["type"] == "websocket.receive":
            text = said(event)
            for other, each in members.items():
                if text is not None and other is not ws:
                    each.put_nowait({"type": "message", "text": text})
    finally:
        del members[ws]
        writer.cancel()


app = Starlette(routes=[WebSocketRoute("/rooms/{room}", room)])
