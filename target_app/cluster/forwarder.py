"""Connections to one board or match, whichever workers have accepted them.

A board or match is on one worker (`placement.py`). Another worker that accepts a connection to it forwards that
connection (`forwarding.py`). So all participants meet the same channel code: one board, one clock, one order for all.
The accepting worker still owns the socket: its send buffer, its timeouts and its close.
"""

from __future__ import annotations

import asyncio
import logging
import re

from fastapi import FastAPI, WebSocket
from starlette.types import ASGIApp, Receive, Scope, Send

from target_app.auth import subprotocol
from target_app.close_reasons import NO_STATUS, SERVICE_RESTART, TRY_AGAIN_LATER, CloseCause, ConnectionEnd, Refusal
from target_app.cluster.forwarding import Event, ForwardedConnection, ForwardedConnections
from target_app.cluster.placement import Placement
from target_app.connection import Connection, route_path, serve
from target_app.messages import stop_notice
from target_app.registry import NAME
from target_app.services import Services

OWNED_PATH = re.compile(f"/(draw|game)/{NAME.pattern}")
ANSWER_TIMEOUT = 5.0
"""Seconds for the first answer of the owner, which may have just died."""

MOVED = ConnectionEnd(CloseCause.CLOSED, SERVICE_RESTART, "moved")
OWNER_LOST = ConnectionEnd(CloseCause.CLOSED, TRY_AGAIN_LATER, "owner_out_of_reach")

logger = logging.getLogger("target_app")


class Forwarder:
    """ASGI middleware. A single worker handles every connection itself."""

    def __init__(self, app: ASGIApp, services: Services, application: FastAPI) -> None:
        self._app = app
        self._application = application
        self._services = services
        self._worker = services.backplane.worker
        self._answering: set[asyncio.Task[None]] = set()
        if not services.backplane.alone:
            self._places = services.shared(Placement)
            self._places.moved.append(self._send_away)
            self._connections = ForwardedConnections(services.backplane, self._accept)
            services.presence.watch_workers(self._connections.lose)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        place = route_path(scope) if scope["type"] == "websocket" else ""
        if OWNED_PATH.fullmatch(place) is None or self._services.backplane.alone:
            await self._app(scope, receive, send)
            return
        with self._places.asked_for(place):
            owner = await self._places.owner_of(place)
            if owner == self._worker:
                await self._app(scope, receive, send)
            else:
                await self._forward(WebSocket(scope, receive, send), owner)

    def _send_away(self, place: str) -> None:
        for _, connection in list(self._services.traffic.open()):
            if isinstance(connection, Connection) and connection.path == place:
                connection.drop(MOVED)

    # On the worker that accepted the connection.

    async def _forward(self, websocket: WebSocket, owner: str | None) -> None:
        async with serve(
            websocket,
            "relay",
            subprotocol=subprotocol(websocket),
            stop_notice=stop_notice,
            has_login=True,
        ) as connection:
            if owner is None:
                raise Refusal(OWNER_LOST.code, OWNER_LOST.reason)
            forwarded = self._connections.open(owner, {"type": "open", "scope": _portable(websocket.scope)})
            returning = asyncio.create_task(
                self._return_messages(forwarded, connection), name=f"relay {forwarded.name}"
            )
            try:
                async for message in connection:
                    kind = "bytes" if isinstance(message, bytes) else "text"
                    await forwarded.send({"type": "websocket.receive", kind: message})
            except OSError:
                connection.drop(OWNER_LOST)
            finally:
                returning.cancel()
                self._connections.end(forwarded, {"type": "websocket.disconnect", "code": NO_STATUS})

    async def _return_messages(self, forwarded: ForwardedConnection, connection: Connection) -> None:
        """Forward the messages of the channel as fast as the peer reads them."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT) as first_answer:
                while (event := await forwarded.receive())["type"] != "websocket.close":
                    first_answer.reschedule(None)
                    if event["type"] == "websocket.send":
                        message = event.get("text")
                        connection.send(event["bytes"] if message is None else message)
                        await connection.wait_room()
        except TimeoutError:
            connection.drop(OWNER_LOST)
        else:
            reason = event.get("reason") or ""
            connection.drop(ConnectionEnd(CloseCause.CLOSED, event["code"], reason) if "code" in event else OWNER_LOST)

    # On the worker that holds the board or match.

    def _accept(self, forwarded: ForwardedConnection, first: Event) -> None:
        task = asyncio.create_task(self._answer(forwarded, first["scope"]), name=f"relayed {forwarded.name}")
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, forwarded: ForwardedConnection, scope: Scope) -> None:
        place = route_path(scope)
        scope.update(type="websocket", raw_path=scope["path"].encode(), app=self._application, state={}, extensions={})
        scope["headers"] = [tuple(header) for header in scope["headers"]]
        forwarded.heard({"type": "websocket.connect"})
        if self._services.drain.has_begun:
            self._connections.end(forwarded, {"type": "websocket.close", "code": SERVICE_RESTART, "reason": "draining"})
            return
        try:
            with self._places.asked_for(place):
                await self._app(scope, forwarded.receive, forwarded.send)
        except Exception:
            logger.exception("fault line=%s", forwarded.name)
        finally:
            self._connections.end(
                forwarded, {"type": "websocket.close", "code": OWNER_LOST.code, "reason": OWNER_LOST.reason}
            )


def _portable(scope: Scope) -> Event:
    """Return the handshake for the channel, without the socket's addresses: the socket is not on that worker."""
    kept = ("asgi", "http_version", "scheme", "server", "path", "root_path", "query_string", "subprotocols", "headers")
    return {key: scope[key] for key in kept if key in scope}
