"""Limits that every WebSocket handshake has to pass, on any channel: rate and number of connections.

Before the upgrade, a refusal is an HTTP status (429), which browsers hide from pages. If a page should react to the
refusal, the server accepts the handshake, and closes at once with a code.
"""

from __future__ import annotations

import itertools
import logging

from fastapi import WebSocket
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from target_app.auth import subprotocol
from target_app.close_reasons import TRY_AGAIN_LATER, Refusal
from target_app.connection import refuse
from target_app.denials import deny
from target_app.drain import Drain
from target_app.limits import limited_address
from target_app.rate_windows import RateWindow
from target_app.services import Services

INSIDE = "inside"
"""The presence channel of all connections, by address, so that all workers count together."""

STOPPING = PlainTextResponse("This server is stopping. Please come back.\n", 503, {"retry-after": "5"})

logger = logging.getLogger("target_app")


class Handshakes:
    """Handshakes of each address within a minute. One for each application: `services.shared(Handshakes)`."""

    def __init__(self, services: Services) -> None:
        self.window = RateWindow(services, "handshakes", services.settings.handshakes_per_minute)


class HandshakePolicy:
    """Checks the handshakes of all channels against the number of connections on all workers."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services
        self._settings = services.settings
        self._presence = services.presence
        self._handshakes = services.shared(Handshakes).window
        self._numbers = itertools.count()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket":
            await self._app(scope, receive, send)
            return
        websocket = WebSocket(scope, receive, send)
        address = limited_address(websocket, self._settings)
        if address is not None and not await self._handshakes.hit(address):
            self._services.counts["gate.handshakes"] += 1
            logger.warning("turned away why=handshakes path=%r", scope["path"])
            await deny(websocket, PlainTextResponse("Too many handshakes.\n", 429, {"retry-after": "60"}))
            return
        refusal = self._refusal(address)
        if refusal is not None:
            logger.warning("turned away why=%s path=%r", refusal.ending.reason, scope["path"])
            await refuse(websocket, refusal, subprotocol(websocket))
            return
        name = f"{next(self._numbers)}"
        self._presence.join(INSIDE, address or "", name)
        try:
            await self._app(scope, receive, send)
        finally:
            self._presence.leave(INSIDE, name)

    def _refusal(self, address: str | None) -> Refusal | None:
        if self._presence.count(INSIDE) >= self._settings.max_connections:
            return Refusal(TRY_AGAIN_LATER, "too_many_connections")
        if address is not None and self._presence.count(INSIDE, address) >= self._settings.max_connections_per_address:
            return Refusal(TRY_AGAIN_LATER, "too_many_connections_of_address")
        return None


class NoNewcomers:
    """ASGI middleware: while draining, a handshake is answered 503 with Retry-After."""

    def __init__(self, app: ASGIApp, drain: Drain) -> None:
        self._app = app
        self._drain = drain

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and self._drain.has_begun:
            await deny(WebSocket(scope, receive, send), STOPPING)
        else:
            await self._app(scope, receive, send)
