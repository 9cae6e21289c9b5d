"""Startup of the shared services: with the application, or with the first connection.

Most servers send an event when an application starts (ASGI's lifespan). Under a server that does not, such as daphne,
the first connection or request starts the services. If that fails, the answer has the cause, and the next one retries.
"""

from __future__ import annotations

import asyncio
import logging
import multiprocessing

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from target_app import admin, fallback, file_descriptors, uvicorn_server
from target_app.close_reasons import INTERNAL_ERROR
from target_app.history import HistoryUnavailable
from target_app.request_deadlines import RequestSweeper
from target_app.services import Services
from target_app.sessions import Logouts
from target_app.tokens import Tokens

ALWAYS_THERE = "/healthz"
"""The path that answers before the startup. It only shows that the process is alive."""

logger = logging.getLogger("target_app")


class Startup:
    """The state of the startup. One for each application: `services.shared(Startup)`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._starting: asyncio.Task[None] | None = None
        self.is_done = False

    async def ready(self) -> None:
        """Wait until everything has been started, once. Raises HistoryUnavailable."""
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._start(), name="start")
        await asyncio.shield(self._starting)

    async def _start(self) -> None:
        services = self._services
        if services.backplane.alone and (workers := _workers_of_uvicorn()) > 1:
            logger.warning(
                "no TARGET_APP_BACKPLANE_URL is set: each of these %d workers is a server of its own", workers
            )
        await services.history.start()
        await services.backplane.start()
        await services.shared(Logouts).start()
        services.shared(admin.AdminOrders)  # subscribes to the backplane at startup
        services.shared(fallback.Sessions)
        uvicorn_server.set_options_or_warn(services.settings)
        file_descriptors.raise_limit(services.settings)
        services.shared(RequestSweeper).start()
        services.shared(Tokens)  # warns about a missing secret at startup, not at the first login
        self.is_done = True

    async def stop(self) -> None:
        self.is_done = False
        if not self._services.backplane.alone:
            from target_app.cluster.placement import Placement  # as in main.py

            await self._services.shared(Placement).release()
        await self._services.shared(RequestSweeper).stop()
        await self._services.shared(Logouts).stop()
        await self._services.roster.stop()
        await self._services.backplane.stop()
        await self._services.history.stop()


def _workers_of_uvicorn() -> int:
    """Return the number of processes of `uvicorn --workers`; 1 if this process is not one of them.

    uvicorn passes its configuration to each process. Other servers show nothing like that.
    """
    configuration = getattr(multiprocessing.current_process(), "_kwargs", {}).get("config")
    return getattr(configuration, "workers", 1)


class OnDemand:
    """ASGI middleware: connections wait until everything has been started."""

    def __init__(self, app: ASGIApp, startup: Startup) -> None:
        self._app = app
        self._startup = startup

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._startup.is_done or scope["type"] == "lifespan" or scope["path"] == ALWAYS_THERE:
            await self._app(scope, receive, send)
            return
        try:
            await self._startup.ready()
        except HistoryUnavailable as failed:
            logger.error("not started: %s", failed)
            await _refuse(scope, receive, send, str(failed))
        else:
            await self._app(scope, receive, send)


async def _refuse(scope: Scope, receive: Receive, send: Send, cause: str) -> None:
    if scope["type"] == "websocket":  # accept first, so that a browser sees the close reason
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        await websocket.close(INTERNAL_ERROR, "not_started")
    else:
        await JSONResponse({"status": "not started", "cause": cause}, 503)(scope, receive, send)
