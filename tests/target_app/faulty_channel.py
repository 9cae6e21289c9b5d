"""The reference server with a faulty channel, and with the channel of the README."""

from __future__ import annotations

from fastapi import WebSocket

from target_app.connection import serve
from target_app.main import create_app

app = create_app()


@app.websocket("/fault")
async def fault(websocket: WebSocket) -> None:
    async with serve(websocket, "fault") as connection:
        async for message in connection:
            connection.send("so far so good")
            raise KeyError(f"a secret, and {message!r}")


@app.websocket("/timeout")
async def timeout(websocket: WebSocket) -> None:
    async with serve(websocket, "timeout"):
        raise TimeoutError("of the channel's own making")


@app.websocket("/finished")
async def finished(websocket: WebSocket) -> None:
    async with serve(websocket, "finished") as connection:
        connection.send("that is all")


@app.websocket("/news")
async def news(websocket: WebSocket) -> None:
    async with serve(websocket, "news") as connection:
        with connection.services.hub.subscription("news", connection):
            async for message in connection:
                connection.services.hub.publish("news", message)
