"""Requests through a proxy: only a trusted proxy may name the sender.

Without a trusted proxy, a header that names another sender is ignored, and all limits apply to the proxy.
"""

from __future__ import annotations

from typing import Any, cast

from fastapi.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from target_app.settings import Settings

HEADERS = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""Headers that show that a request was forwarded by the host it comes from."""


def is_forwarded(connection: HTTPConnection, settings: Settings) -> bool:
    """Return whether a request was forwarded by a proxy, so that its sender may be on another host."""
    address = connection.client.host if connection.client else ""
    return address in settings.trusted_proxies or any(header in connection.headers for header in HEADERS)


class TrustedProxies:
    """ASGI middleware: sets the address and the scheme that a trusted proxy forwards (X-Forwarded-For and -Proto)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        trusted = [*settings.trusted_proxies]
        self._app = cast("ASGIApp", ProxyHeadersMiddleware(cast("Any", app), trusted)) if trusted else app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)
