"""A chat: what one client says, all get. Each member has a queue and a task, so nobody waits for a slow reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
members: dict[WebSocket, asyncio.Queue[str]] = {}


async def write(ws: WebSocket, queue: asyncio.Queue[str]) -> None:
    """Send what is queued for one member, until it has gone."""
    with suppress(WebSocketDisconnect, RuntimeError):
        while True:
            await ws.send_text(await queue.get())


async def texts(ws: WebSocket) -> AsyncIterator[str]:
    """All texts of one member, also those that it sent right before it closed."""
    while (event := await ws.receive())["type"] == "websocket.receive":
        if event.get("text") is not None:
            yield event["text"]


@app.websocket("/ws")
async def chat(ws: WebSocket) -> None:
    """Hand on what a member says to all members."""
    await ws.accept()
    queue = members[ws] = asyncio.Queue()
    writer = asyncio.create_task(write(ws, queue))
    try:
        async for text in texts(ws):
            for each in members.values():
                each.put_nowait(text)
    finally:
        del members[ws]
        writer.cancel()
