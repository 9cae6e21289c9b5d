"""Pages over HTTP, health checks, and figures about the connections."""

from __future__ import annotations

from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import HTMLResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from target_app.auth import WATCHERS
from target_app.connection import route_path
from target_app.denials import REFUSAL_HEADER
from target_app.handshake_policy import Handshakes
from target_app.limits import limited_address
from target_app.readiness import Readiness
from target_app.services import Services

PAGES = Path(__file__).with_name("pages")
PAGE_NAMES = ("echo", "chat", "dashboard", "rooms", "draw", "game", "notifications", "login")

NAVIGATION = {
    "/pages/echo": "Echo",
    "/pages/chat": "Chat",
    "/pages/dashboard": "Dashboard",
    "/pages/rooms": "Rooms",
    "/pages/draw": "Draw",
    "/pages/game": "Game",
    "/pages/notifications": "Alerts",
    "/docs": "Docs",
    "/admin": "Admin",
}
"""The links of every page, in this order."""

HEADERS = {
    "content-security-policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}

router = APIRouter()


def page(request: Request, name: str) -> HTMLResponse:
    """Return a page: the common frame, the navigation, and the content of the page's own file."""
    return HTMLResponse(_html(name, route_path(request.scope), str(request.scope.get("root_path", ""))))


@cache
def _html(name: str, path: str, root: str) -> str:
    """Put a page together. All links begin with the path under which the application is mounted."""
    current = ' aria-current="page"'
    links = [f'<a href="{to}"{current if to == path else ""}>{words}</a>' for to, words in NAVIGATION.items()]
    head, _, main = (PAGES / f"{name}.html").read_text().partition("\n\n")
    parts = {"head": head, "navigation": " ".join(links), "main": main}
    html = (PAGES / "frame.html").read_text()
    for part, written in parts.items():
        html = html.replace(f"<!-- {part} -->", written)
    return html.replace('="/', f'="{escape(root)}/')


@router.get("/")
async def index(request: Request) -> HTMLResponse:
    """The start page."""
    return page(request, "index")


@router.get("/pages/{name}")
async def page_of_a_channel(request: Request, name: str) -> HTMLResponse:
    """The page of a channel, or the login page."""
    if name not in PAGE_NAMES:
        raise HTTPException(404)
    return page(request, name)


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the process is alive."""
    return {"status": "ok"}


@router.get("/readyz")
async def readyz(request: Request, response: Response) -> dict[str, str]:
    """Whether to send new clients here. 503: the server is stopping, or cannot write its history."""
    objection = await Services.of(request).shared(Readiness).objection()
    if objection is None:
        return {"status": "ready"}
    response.status_code = 503
    return objection


@router.post("/handshake", status_code=204)
async def handshake(request: Request) -> Response:
    """Whether the server would accept a WebSocket handshake of this page. If not, `x-refused` has the reason."""
    services = Services.of(request)
    if services.drain.has_begun:
        return Response(status_code=503, headers={REFUSAL_HEADER: "draining"})
    address = limited_address(request, services.settings)
    if address is not None and not await services.shared(Handshakes).window.test(address):
        return Response(status_code=429, headers={REFUSAL_HEADER: "handshakes"})
    return Response(status_code=204)


@router.get("/stats", dependencies=WATCHERS)
async def stats(request: Request) -> dict[str, Any]:
    """The number of open connections, and counts since the start: endings by reason, and events of channels."""
    services = Services.of(request)
    return {
        "open": len(services.roster),
        "ended": dict(services.roster.ended),
        "counts": dict(services.counts),
    }


class HeadersMiddleware:
    """Adds the same security headers to every HTTP response. WebSockets are not changed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)
