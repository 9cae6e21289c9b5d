"""python-socketio: a chat as its documentation shows it, in ASGI."""

from __future__ import annotations

import socketio

server = socketio.AsyncServer(async_mode="asgi")
app = socketio.ASGIApp(server)


@server.on("chat message")
async def chat_message(sid: str, text: str) -> None:
    await server.emit("chat message", text)
