"""quart: the endpoint of its documentation, which puts "echo " before each message."""

from __future__ import annotations

from quart import Quart, websocket

app = Quart(__name__)


@app.websocket("/ws")
async def ws() -> None:
    while True:
        data = await websocket.receive()
        await websocket.send(f"echo {data!s}")
