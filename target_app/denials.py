"""Answers to handshakes that are refused before the upgrade."""

from __future__ import annotations

from fastapi import WebSocket
from starlette.responses import Response

REFUSAL_HEADER = "x-refused"
"""Header with the reason of a refusal, for a page that asks why it was refused."""


async def deny(websocket: WebSocket, response: Response) -> None:
    """Answer with an HTTP response of our own, where the server library can do that, else with its 403."""
    if "websocket.http.response" in (websocket.scope.get("extensions") or {}):
        await websocket.send_denial_response(response)
    else:
        await websocket.close()
