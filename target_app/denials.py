"""Answers to handshakes that are refused before the upgrade."""

from __future__ import annotations

from fastapi import WebSocket
from starlette.responses import Response

REFUSAL_HEADER = "x-refused"
"""Header with the reason of a refusal, for pages that request it."""


async def deny(websocket: WebSocket, response: Response) -> None:
    """Refuse a handshake with this response, or with a plain 403 if the server library supports no other."""
    if "websocket.http.response" in (websocket.scope.get("extensions") or {}):
        await websocket.send_denial_response(response)
    else:
        await websocket.close()
