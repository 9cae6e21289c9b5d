"""Who may connect: which pages (Origin), and who presents the token. Off where no token is set."""

from __future__ import annotations

import asyncio
import hmac

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


def bearer(text: str) -> str:
    """The token in `Bearer <token>`; empty: there is none."""
    scheme, _, token = text.partition(" ")
    return token if scheme.lower() == "bearer" else ""


async def authenticate(connection: Connection, settings: Settings) -> None:
    """Raises Refusal. After the accept: before it, a browser would see neither code nor reason [1, A1].

    A token in the query would end up in logs [14, A2]. So it comes as a header, as a subprotocol `bearer.<token>` for
    browsers, which cannot send headers, or as the first message, `Bearer <token>`.
    """
    if not settings.token:
        return
    websocket = connection.websocket
    offered = [name for name in websocket.scope["subprotocols"] if name.startswith("bearer.")]
    token = offered[0].removeprefix("bearer.") if offered else bearer(websocket.headers.get("authorization", ""))
    if not token:
        try:
            async with asyncio.timeout(settings.auth_timeout):
                token = bearer(str(await anext(aiter(connection), "")))
        except TimeoutError:
            raise Refusal(NO_TOKEN) from None
    # Replace this comparison by yours, e.g. the check of a JWT. It takes the same time whatever the token is.
    if not hmac.compare_digest(token.encode(), settings.token.encode()):
        raise Refusal(INVALID_TOKEN)
