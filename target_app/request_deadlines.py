"""Deadlines for requests that are not finished: half-open handshakes, slow heads, slow bodies, unread responses.

uvicorn waits without a limit for the rest of a request, and for a client that does not read its response. So a task
checks the connections once a second. It disconnects clients whose request has been unfinished for too long, and the
oldest of them if there are too many.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Any

from uvicorn import Server

from target_app import unread_answers, uvicorn_server
from target_app.services import Services

SWEEP_INTERVAL = 1.0
"""Seconds between two checks of the connections."""

NO_REQUEST = object()
"""Stands for the request before the first one has arrived."""

logger = logging.getLogger("target_app")


def unfinished(connection: Any) -> object | None:
    """Return what the server waits for: a request, NO_REQUEST before the first, or the reader of a full response.

    Returns None if the server waits for nothing.
    """
    if not hasattr(connection, "cycle"):  # a WebSocket
        return None
    request, reader = connection.cycle, connection.flow
    if request is None:
        return NO_REQUEST
    waits_for: object | None = reader if reader.write_paused else None
    return request if request.response_complete or request.more_body else waits_for


class RequestDeadlines:
    """The connections with an unfinished request, each with its start. The caller passes the time in seconds."""

    def __init__(self, connections: Callable[[], Iterable[Any]], seconds: float, most: int) -> None:
        self._connections = connections
        self._seconds = seconds
        self._most = most
        self._since: dict[Any, tuple[object, float]] = {}

    def sweep(self, now: float) -> int:
        """Disconnect clients that are too late, or too many. Returns their number."""
        waiting: dict[Any, tuple[object, float]] = {}
        for connection in list(self._connections()):
            request = unfinished(connection)
            if request is not None:
                before = self._since.get(connection)
                waiting[connection] = before if before is not None and before[0] is request else (request, now)
        oldest_first = sorted(waiting, key=lambda connection: waiting[connection][1])
        too_many = oldest_first[: max(0, len(waiting) - self._most)]
        late = {connection for connection in oldest_first if now - waiting[connection][1] >= self._seconds}
        for connection in late.union(too_many):
            del waiting[connection]
            connection.transport.abort()
        self._since = waiting
        return len(late.union(too_many))


class RequestSweeper:
    """The task. One for each application: `services.shared(RequestSweeper)`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start the task, if uvicorn's connections can be found."""
        server = uvicorn_server.find()
        if server is not None:
            settings = self._services.settings
            deadlines = RequestDeadlines(
                lambda: server.server_state.connections, settings.request_timeout, settings.max_unfinished_requests
            )
            self._task = asyncio.create_task(self._sweep(server, deadlines), name="request deadlines")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _sweep(self, server: Server, deadlines: RequestDeadlines) -> None:
        most = unread_answers.most_unread(self._services.settings)
        while True:
            await asyncio.sleep(SWEEP_INTERVAL)
            if cut := deadlines.sweep(asyncio.get_running_loop().time()):
                self._services.counts["requests.unfinished"] += cut
                logger.warning("cut off requests that were not finished count=%d", cut)
            if cut := unread_answers.cut_off(list(server.server_state.connections), most):
                self._services.counts["unread.answers"] += cut
                logger.warning("cut off peers that read no answers count=%d", cut)
