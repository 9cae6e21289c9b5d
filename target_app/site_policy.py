"""Allowed host names and origins: one check for requests, event streams and WebSockets.

Pages of any site can make a browser send requests to this server. Their Origin header shows it, except if the name of
the page resolves to this server (DNS rebinding). Then page and server have the same origin, and only the Host header
shows it.
"""

from __future__ import annotations

import logging

from fastapi import WebSocket
from fastapi.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from target_app.denials import REFUSAL_HEADER, deny
from target_app.hosts import is_trusted, is_well_formed
from target_app.origins import is_allowed, is_own
from target_app.services import Services
from target_app.settings import Settings

REFUSED = {
    why: PlainTextResponse(f"{text}\n", status, {REFUSAL_HEADER: why})
    for why, status, text in (
        ("bad_host", 400, "The request needs one Host header with a name or an address."),
        ("host", 403, "This is not a name of this server (see TARGET_APP_TRUSTED_HOSTS)."),
        ("origin", 403, "Pages of this origin are not allowed (see TARGET_APP_ALLOWED_ORIGINS)."),
    )
}

logger = logging.getLogger("target_app")


class SitePolicy:
    """ASGI middleware in front of all routes."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        why = None if scope["type"] == "lifespan" else self._objection(HTTPConnection(scope))
        if why is None:
            await self._app(scope, receive, send)
            return
        self._services.counts[f"gate.{why}"] += 1
        logger.warning("turned away why=%s path=%r", why, scope["path"])
        if scope["type"] == "websocket":
            await deny(WebSocket(scope, receive, send), REFUSED[why])
        else:
            await REFUSED[why](scope, receive, send)

    def _objection(self, connection: HTTPConnection) -> str | None:
        if not is_well_formed(connection):
            return "bad_host"
        if not is_trusted(connection, self._services.settings):
            return "host"
        if is_script_of_own_page(connection, self._services.settings):
            return None
        return None if is_allowed(connection, self._services.settings) else "origin"


def is_script_of_own_page(connection: HTTPConnection, settings: Settings) -> bool:
    """Return whether one of our own pages loads its script. Browsers send its Origin; it is allowed even if settings
    allow other origins only, so that the page can report the refusal."""
    is_static = connection.scope["type"] == "http" and "/static/" in connection.scope["path"]
    return is_static and is_own(connection, settings)
