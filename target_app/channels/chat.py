"""`/ws/{client_id}`: one room for all.

The server answers a text `T` of client 7 with `You: T`, and sends `Client #7 says: T` to all members, 7 included. All
members receive all messages in the same order. When 7 leaves, in whatever way, the others receive `Client #7 left the
chat`, once. Anybody may choose any id, so two connections may have the same one. Each is a separate member, and each
leave is announced.
"""

from __future__ import annotations

from fastapi import APIRouter, WebSocket

from target_app.close_reasons import POLICY_VIOLATION, UNSUPPORTED_DATA, Refusal
from target_app.connection import serve

ROOM = "chat"
MAX_ID_CHARACTERS = 64

router = APIRouter()


@router.websocket("/ws/{client_id}")
async def chat(websocket: WebSocket, client_id: str) -> None:
    async with serve(websocket, ROOM) as connection:
        if len(client_id) > MAX_ID_CHARACTERS or not client_id.isprintable():
            raise Refusal(POLICY_VIOLATION, "client_id_not_printable_or_too_long")
        hub = connection.services.hub
        try:
            with hub.subscription(ROOM, connection):
                async for message in connection:
                    if isinstance(message, bytes):
                        raise Refusal(UNSUPPORTED_DATA, "text_only")
                    connection.send(f"You: {message}")
                    hub.publish(ROOM, f"Client #{client_id} says: {message}")
                    # Read a flooding client only as fast as it reads itself; no other client is waited for.
                    await connection.wait_room()
        finally:
            hub.publish(ROOM, f"Client #{client_id} left the chat")
