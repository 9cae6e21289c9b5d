"""Who may connect: which pages (Origin), and who presents the token. Off where no token is set."""

from __future__ import annotations

import asyncio
import hmac
import json

from fastapi import WebSocket

from .connection import Connection, Refusal
from .outbox import Goodbye
from .settings import Settings

INVALID_TOKEN = Goodbye(1008, "invalid_token")
NO_TOKEN = Goodbye(4002, "no_token_in_time")


def is_allowed_origin(websocket: WebSocket, settings: Settings) -> bool:
    """Any page of the world may open a WebSocket to any host; CORS does not apply [15, E5].

    The default is not taken from the Host header, which a hostile page's own (rebound) name would fill in.
    """
    origins = websocket.headers.getlist("origin")
    if not origins:
        return True  # not a page
    host, port = websocket.scope.get("server") or ("", None)
    own = [f"{scheme}://{name}:{port}" for scheme in ("http", "https") for name in ("127.0.0.1", "localhost", host)]
    allowed = settings.allowed_origins.split(",") if settings.allowed_origins else own
    return len(origins) == 1 and origins[0] in allowed


async def authenticate(connection: Connection, settings: Settings) -> None:
    """Raises Refusal. After the accept: before it, a browser would see neither code nor reason [1, A1].

    A token in the query would end up in logs [14, A2], so it comes in one of the three other ways.
    """
    if not settings.token:
        return
    websocket = connection.websocket
    scheme, _, token = websocket.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        offered: list[str] = websocket.scope["subprotocols"]  # for browsers, which cannot send headers
        token = next((name.removeprefix("bearer.") for name in offered if name.startswith("bearer.")), "")
    if not token:
        try:
            async with asyncio.timeout(settings.auth_timeout):
                token = await _token_of_first_message(connection)
        except TimeoutError:
            raise Refusal(NO_TOKEN) from None
    # Replace this comparison by yours, e.g. the check of a JWT. It takes the same time whatever the token is.
    if not hmac.compare_digest(token.encode(), settings.token.encode()):
        raise Refusal(INVALID_TOKEN)


async def _token_of_first_message(connection: Connection) -> str:
    """`{"type": "authenticate", "token": ...}`; anything else is an invalid token."""
    async for message in connection:
        try:
            first = json.loads(message)
        except ValueError:
            return ""
        if isinstance(first, dict) and first.get("type") == "authenticate":
            return str(first.get("token", ""))
        return ""
    return ""
