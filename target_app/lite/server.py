"""The connections of this worker: access, timeouts, and the shutdown."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from fastapi import FastAPI, WebSocket
from fastapi.responses import PlainTextResponse

from .auth import authenticate, is_allowed_origin
from .connection import RESTART, Connection
from .drain import before_stop
from .outbox import Goodbye
from .reading import FairProtocol
from .settings import Settings

logger = logging.getLogger("target_app.lite")

Channel = Callable[[Connection], Awaitable[None]]


class Server:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.connections: dict[Connection, asyncio.Task[object] | None] = {}
        self.is_draining = self._has_warned = False

    async def serve(self, websocket: WebSocket, channel: Channel) -> None:
        """Serve one connection, from the handshake to its end."""
        if self.is_draining:
            await websocket.send_denial_response(PlainTextResponse("restarting\n", 503, {"retry-after": "5"}))
            return
        if not is_allowed_origin(websocket, self.settings):
            await websocket.close()  # before accept this is HTTP 403; a foreign page need not learn the reason
            return
        connection = Connection(websocket, self.settings)
        self._warn_of_options(connection)
        is_full = len(self.connections) >= self.settings.max_connections

        async def admitted(connection: Connection) -> None:
            if is_full:
                raise Goodbye(1013, "too_many_connections")
            await authenticate(connection, self.settings)
            await channel(connection)

        self.connections[connection] = asyncio.current_task()
        try:
            await connection.run(admitted)
        finally:
            del self.connections[connection]

    def _warn_of_options(self, connection: Connection) -> None:
        """Warn of missing limits: uvicorn decompresses and buffers a message before its size can be checked [18]."""
        protocol, limit = connection.protocol, self.settings.max_message_bytes
        config = protocol.config if isinstance(protocol, FairProtocol) else None
        is_limited = config and config.ws_max_size <= limit and not config.ws_per_message_deflate
        if not (is_limited or self._has_warned):
            options = f"--ws {__package__}.reading:FairProtocol --ws-per-message-deflate false --ws-max-size {limit}"
            logger.warning("a client may stop the others, or take 16 MiB of memory: start uvicorn with %s", options)
            self._has_warned = True

    async def _sweep(self) -> None:
        """Check all connections in one task. A timer for each write would cost more than the write."""
        while True:
            await asyncio.sleep(self.settings.sweep_interval)
            for connection in self.connections:
                connection.check(asyncio.get_running_loop().time())

    async def _drain(self) -> None:
        self.is_draining = True
        for connection in self.connections:
            connection.end(RESTART)
        if tasks := {task for task in self.connections.values() if task is not None}:
            await asyncio.wait(tasks, timeout=self.settings.close_timeout)

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        sweeper = asyncio.create_task(self._sweep(), name="sweeper")
        async with before_stop(self._drain):
            yield
        sweeper.cancel()
