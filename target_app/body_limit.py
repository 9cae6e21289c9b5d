"""One limit to the body of every HTTP request, whoever sends it and whichever route it is for (413).

FastAPI's own `max_body_size` is not enough: it lets a route run before it refuses what was announced, leaves the
connection open for the rest of the body, and answers without our headers.
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from target_app.settings import Settings

MIN_LIMIT_BYTES = 8_192
"""The longest body that the API itself needs, an announcement, is shorter than this."""

TOO_LONG = "body_too_long"
CLOSE = {"connection": "close"}
"""Header of the answer to a body that is too long: the rest of it is not read, so the connection ends."""


class BodyLimit:
    """ASGI middleware: refuses a body that is announced as too long, and stops reading one that turns out to be."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._limit = max(settings.max_message_bytes, MIN_LIMIT_BYTES)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if _announced(scope) > self._limit:
            await JSONResponse({"detail": TOO_LONG}, 413, CLOSE)(scope, receive, send)
            return
        body = _Body(receive, send, self._limit)
        await self._app(scope, body.receive, body.send)


class _Body:
    """Counts the received bytes until the response begins."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive = receive
        self._send = send
        self._left = limit
        self._has_answered = False

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request" and not self._has_answered:
            self._left -= len(message.get("body", b""))
            if self._left < 0:
                raise HTTPException(413, TOO_LONG, CLOSE)
        return message

    async def send(self, message: Message) -> None:
        self._has_answered = True
        await self._send(message)


def _announced(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "")
    digits = length.lstrip("0")[:20] or "0"  # Python refuses to read thousands of digits, and some servers pass them on
    return int(digits) if length.isdecimal() else 0
