"""`/ws`: an echo. A text comes back as `Message received: T`, a binary message unchanged."""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from target_app.connection import serve

router = APIRouter()


@router.websocket("/ws")
async def echo(websocket: WebSocket) -> None:
    async with serve(websocket, "echo") as connection:
        async for message in connection:
            connection.send(message if isinstance(message, bytes) else f"Message received: {message}")
            # Read the peer only as fast as it reads its echoes. No other client is affected.
            await connection.wait_room()
