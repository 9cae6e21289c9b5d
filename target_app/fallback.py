"""Fallback where WebSockets are blocked: the same messages as server-sent events (down) and POST requests (up).

    GET  /fallback/rooms/lobby      an event stream; its first event, `session`, tells where to post
    POST /fallback/<session>        one message, as it would be sent over the WebSocket

The channel behind the stream is the same as behind a WebSocket, with its sign-in, limits, presence, order and codes.
The stream ends with an event `closed`, which has the code and the reason. Events of a room have a cursor as their id,
`epoch:seq`. A client that only supports server-sent events uses `?join`. When it reconnects, its browser sends
`Last-Event-ID`, and the client gets the events that it missed.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from collections.abc import AsyncIterator
from typing import Annotated, Any

from anyio import BrokenResourceError
from fastapi import APIRouter, Depends, HTTPException, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from target_app.services import Services

OFFERED = ("/dashboard-feed", "/notifications", "/rooms/")
"""Path prefixes of the channels with a fallback: those that send text, and not too often."""

MAX_QUEUED = 64
"""Posted messages that may wait for the channel."""

MOST_DIGITS = 16
"""Digits of a cursor's number. Numbers of the history have fewer, and Python refuses to read thousands."""

END_TIMEOUT = 2.0
"""Seconds for the channel to end after its client has left."""

router = APIRouter(prefix="/fallback")
logger = logging.getLogger("target_app")


class Session:
    """One event stream, in the place of a WebSocket."""

    def __init__(self, request: Request, path: str, worker: str) -> None:
        self.id = f"{worker}.{secrets.token_urlsafe(24)}"
        self._incoming: asyncio.Queue[Message] = asyncio.Queue()
        self._outgoing: asyncio.Queue[Message] = asyncio.Queue(1)  # so that the channel notices a slow reader at once
        self.is_over = False
        self._epoch = ""
        scope = {key: request.scope[key] for key in ("asgi", "headers", "http_version", "root_path", "query_string")}
        scope |= {key: request.scope.get(key) for key in ("client", "server", "state")}
        scope |= {"method": request.method}  # WebSocket scopes have no method; the origin check needs it
        scope |= {"type": "websocket", "path": path, "raw_path": path.encode(), "subprotocols": []}
        scope |= {"scheme": request.url.scheme.replace("http", "ws"), "extensions": {"websocket.http.response": {}}}
        self._incoming.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(request.app(scope, self._incoming.get, self._send), name=f"fallback {path}")

    async def _send(self, message: Message) -> None:
        if self.is_over:
            raise OSError("the event stream is gone")
        await self._outgoing.put(message)

    def put(self, text: str) -> bool:
        """Pass a message from the client to the channel. Returns False if too many are waiting."""
        if self._incoming.qsize() >= MAX_QUEUED:
            return False
        self._incoming.put_nowait({"type": "websocket.receive", "text": text})
        return True

    async def opened(self) -> None:
        """Wait until the channel accepts the client. Raises HTTPException if it does not."""
        answer = await self._next()
        if answer["type"] == "websocket.http.response.start":
            headers = {name.decode(): value.decode() for name, value in answer["headers"] if name == b"retry-after"}
            raise HTTPException(answer["status"], headers=headers)
        if answer["type"] != "websocket.accept":
            raise HTTPException(403)

    async def _next(self) -> Message:
        """Return the next message of the channel. The end of the channel counts as a close."""
        getting = asyncio.ensure_future(self._outgoing.get())
        try:
            await asyncio.wait({getting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            return getting.result() if getting.done() else {"type": "websocket.close", "code": 1006}
        finally:
            getting.cancel()

    async def events(self) -> AsyncIterator[ServerSentEvent]:
        yield ServerSentEvent(event="session", raw_data=f"/fallback/{self.id}")
        while (message := await self._next())["type"] == "websocket.send":
            text = message.get("text")
            if text is not None:
                yield ServerSentEvent(raw_data=text, id=self._cursor(text))
        self.is_over = True  # refuse further posts, even if the client has not read this yet
        ending = {"code": message.get("code", 1000), "reason": message.get("reason") or ""}
        yield ServerSentEvent(event="closed", raw_data=json.dumps(ending))

    def _cursor(self, text: str) -> str | None:
        message: dict[str, Any] = json.loads(text)
        self._epoch = message.get("epoch", self._epoch)
        if not self._epoch or message["type"] == "ack":  # an ack may overtake entries before it
            return None
        return f"{self._epoch}:{message['seq']}" if "seq" in message else None

    async def end(self) -> None:
        """Tell the channel that the client has left, as a WebSocket server would."""
        self.is_over = True
        while not self._outgoing.empty():
            self._outgoing.get_nowait()
        self._incoming.put_nowait({"type": "websocket.disconnect", "code": 1006})
        await asyncio.wait({self._task}, timeout=END_TIMEOUT)
        self._task.cancel()
        await asyncio.wait({self._task})


class Sessions:
    """The event streams of this worker. Posts that arrive at another worker come over the backplane."""

    def __init__(self, services: Services) -> None:
        self._backplane = services.backplane
        self._sessions: dict[str, Session] = {}
        services.backplane.subscribe(f"fallback:{services.backplane.worker}", self._heard)

    def add(self, session: Session) -> None:
        self._sessions[session.id] = session

    def remove(self, session: Session) -> None:
        del self._sessions[session.id]

    async def post(self, name: str, text: str) -> None:
        """Raises HTTPException: 404 for a stream that has ended, 429 for one with too much to do."""
        worker = name.partition(".")[0]
        if worker != self._backplane.worker:
            if not self._backplane.connected or self._backplane.alone:
                raise HTTPException(404)
            await self._backplane.publish(f"fallback:{worker}", json.dumps([name, text]))
            return
        session = self._sessions.get(name)
        if session is None or session.is_over:
            raise HTTPException(404)
        if not session.put(text):
            raise HTTPException(429, headers={"retry-after": "1"})

    def _heard(self, payload: str) -> None:
        name, text = json.loads(payload)
        if session := self._sessions.get(name):
            session.put(text)


async def _session(request: Request, response: Response, path: str) -> AsyncIterator[Session]:
    path = f"/{path}"
    if not path.startswith(OFFERED):
        raise HTTPException(404)
    services = Services.of(request)
    sessions, session = services.shared(Sessions), Session(request, path, services.backplane.worker)
    sessions.add(session)
    try:
        await session.opened()
        if request.scope["http_version"].startswith("1"):
            # The channel may cut the socket of a slow peer, so no later request may use this connection.
            response.headers["connection"] = "close"
        if join := _join(request):
            session.put(join)
        yield session
    finally:
        sessions.remove(session)
        await session.end()


def _join(request: Request) -> str | None:
    """Return the room's first message for a client that cannot post it."""
    epoch, _, seq = request.headers.get("last-event-id", "").rpartition(":")
    if epoch and seq.isdecimal() and len(seq) <= MOST_DIGITS:
        return json.dumps({"type": "join", "epoch": epoch, "seq": int(seq)})
    return json.dumps({"type": "join"}) if "join" in request.query_params else None


@router.get("/{path:path}", response_class=EventSourceResponse)
async def stream(session: Annotated[Session, Depends(_session)]) -> AsyncIterator[ServerSentEvent]:
    """Serve the channel of that path as an event stream."""
    async for event in session.events():
        yield event


@router.post("/{session}", status_code=202)
async def post(request: Request, session: str) -> None:
    """Pass a message to the channel behind the stream. The name of the stream is secret, and authorizes the client."""
    services, body = Services.of(request), b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > services.settings.max_message_bytes:
            raise HTTPException(413)
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise HTTPException(400, "not UTF-8") from None
    await services.shared(Sessions).post(session, text)


class ReaderMayLeave:
    """ASGI middleware: logs one line if the reader of an event stream leaves.

    FastAPI's keepalive raises an exception if the stream ends while an event is being written.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except* BrokenResourceError:
            logger.info("the reader of an event stream has gone path=%s", scope["path"])
