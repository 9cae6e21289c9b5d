"""Access control: the allowed pages (Origin) and the token. Off if no token is set."""

from __future__ import annotations

import asyncio
import hmac

from fastapi import WebSocket

from .connection import Connection
from .outbox import Goodbye
from .settings import Settings


def is_allowed_origin(websocket: WebSocket, settings: Settings) -> bool:
    """Any page of the world may open a WebSocket to any host; CORS does not apply [15, E5].

    The default is not taken from the Host header, which a hostile page's own (rebound) name would fill in.
    """
    host, port = websocket.scope.get("server") or ("", None)
    own = [f"{scheme}://{name}:{port}" for scheme in ("http", "https") for name in ("127.0.0.1", "localhost", host)]
    allowed = settings.allowed_origins.split(",") if settings.allowed_origins else own
    origins = websocket.headers.getlist("origin")
    return not origins or (len(origins) == 1 and origins[0] in allowed)  # a client without Origin is not a web page


def bearer(text: str) -> str:
    """The token in `Bearer <token>`; empty: there is none."""
    scheme, _, token = text.partition(" ")
    return token if scheme.lower() == "bearer" else ""


async def authenticate(connection: Connection, settings: Settings) -> None:
    """Raises Goodbye. After the accept: before it, a browser would see neither code nor reason [1, A1].

    A token in the query would end up in logs [14, A2]. So it comes as a header, as a subprotocol `bearer.<token>` for
    browsers, which cannot send headers, or as the first message, `Bearer <token>`.
    """
    if not settings.token:
        return
    offered = [name for name in connection.websocket.scope["subprotocols"] if name.startswith("bearer.")]
    header = bearer(connection.websocket.headers.get("authorization", ""))
    try:
        async with asyncio.timeout(settings.auth_timeout):
            token = offered[0][7:] if offered else header or bearer(str(await anext(aiter(connection), "")))
    except TimeoutError:
        raise Goodbye(4002, "no_token_in_time") from None
    # Replace this comparison by your own, e.g. the check of a JWT. compare_digest takes constant time.
    if not hmac.compare_digest(token.encode(), settings.token.encode()):
        raise Goodbye(1008, "invalid_token")
