"""Requests that a proxy passes on: who sends them is believed of trusted proxies only.

Without a trusted proxy nothing is believed: what names another sender counts as the proxy's own, with all limits.
"""

from __future__ import annotations

from typing import Any, cast

from fastapi.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from target_app.settings import Settings

HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""They show that a request only passed through the host that it comes from."""


def is_forwarded(connection: HTTPConnection, settings: Settings) -> bool:
    """Whether this comes by a proxy, so that its sender is no program of this host, whatever its address."""
    address = connection.client.host if connection.client else ""
    return address in settings.trusted_proxies or any(header in connection.headers for header in HEADERS)


class TrustedProxies:
    """ASGI middleware: the address and the scheme are those that a trusted proxy tells (X-Forwarded-For and -Proto)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        trusted = [*settings.trusted_proxies]
        self._app = cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), trusted)) if trusted else app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
