"""Connections that are forwarded from one worker to another over the backplane, as ASGI events.

Each end has a window. If one end takes no events, the other soon stops sending, as for a peer that does not read.
Events that accumulate while the backplane is busy are sent together.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
from collections.abc import Callable, MutableMapping
from typing import Any

from target_app.backplane import Backplane

WINDOW = 64
"""Maximum number of unacknowledged events in one direction of a forwarded connection."""

TAKEN = "taken"
"""Type of the event that acknowledges a number of events."""

RESET = "lines"
"""The topic on which a worker that was cut off announces that all its forwarded connections are gone."""

Event = MutableMapping[str, Any]


class ForwardedConnection:
    """One end of a connection: events sent here are received at the other, in order. The methods are those of ASGI."""

    def __init__(self, connections: ForwardedConnections, name: str, worker: str, last: str) -> None:
        self.name = name
        self.worker = worker
        self._connections = connections
        self._last = last
        self._incoming: asyncio.Queue[Event] = asyncio.Queue()
        self._unacknowledged = 0
        self._taken = 0
        self._is_broken = False
        self._room = asyncio.Event()

    async def send(self, event: Event) -> None:
        """Send an event. Raises OSError if the connection is broken."""
        while self._unacknowledged >= WINDOW and event["type"] in ("websocket.send", "websocket.receive"):
            self._room.clear()
            await self._room.wait()
        if self._is_broken:
            raise OSError("the other worker is out of reach")
        self._unacknowledged += 1
        self._connections.post(self, event)

    async def receive(self) -> Event:
        event = await self._incoming.get()
        self._taken += 1
        if self._taken == WINDOW // 2:
            self._connections.post(self, {"type": TAKEN, "count": self._taken})
            self._taken = 0
        return event

    def heard(self, event: Event) -> None:
        """Handle an event from the other end."""
        if event["type"] == TAKEN:
            self._unacknowledged -= event["count"]
            self._room.set()
        else:
            self._incoming.put_nowait(event)

    def cut(self) -> None:
        """Handle the loss of the other end."""
        self._is_broken = True
        self._room.set()
        self._incoming.put_nowait({"type": self._last})


class ForwardedConnections:
    """The forwarded connections of this worker. `accept` gets each that another worker opens, and its first event."""

    def __init__(self, backplane: Backplane, accept: Callable[[ForwardedConnection, Event], None]) -> None:
        self._backplane = backplane
        self._accept = accept
        self._numbers = itertools.count(1)
        self._connections: dict[str, ForwardedConnection] = {}
        self._pending: list[tuple[ForwardedConnection, Event]] = []
        self._posting: asyncio.Task[None] | None = None
        self._resetting: asyncio.Task[None] | None = None
        backplane.subscribe(_topic(backplane.worker), self._on_message)
        backplane.subscribe(RESET, self.lose)
        backplane.watch(self._on_connection)

    def open(self, worker: str, first: Event) -> ForwardedConnection:
        """Open a connection to that worker, with `first` as its first event."""
        connection = ForwardedConnection(
            self, f"{self._backplane.worker}-{next(self._numbers)}", worker, "websocket.close"
        )
        self._connections[connection.name] = connection
        self.post(connection, {**first, "from": self._backplane.worker})
        return connection

    def end(self, connection: ForwardedConnection, last: Event) -> None:
        """End a connection. `last` tells the other end, if it does not know yet."""
        del self._connections[connection.name]
        self.post(connection, last)

    def post(self, connection: ForwardedConnection, event: Event) -> None:
        self._pending.append((connection, event))
        if self._posting is None or self._posting.done():
            self._posting = asyncio.create_task(self._post(), name="lines")

    async def _post(self) -> None:
        while self._pending:
            events, self._pending = self._pending, []
            batches: dict[str, list[tuple[list[str], Event]]] = {}
            for connection, event in events:
                batch = batches.setdefault(connection.worker, [])
                if batch and batch[-1][1] == event:  # send an event for many connections once
                    batch[-1][0].append(connection.name)
                else:
                    batch.append(([connection.name], event))
            for worker, batch in batches.items():
                await self._backplane.publish(_topic(worker), json.dumps(batch, default=_encoded))

    def _on_message(self, payload: str) -> None:
        for names, event in json.loads(payload, object_hook=_decoded):
            for name in names:
                connection = self._connections.get(name)
                if connection is not None:
                    connection.heard(dict(event))
                elif "from" in event:
                    connection = self._connections[name] = ForwardedConnection(
                        self, name, event["from"], "websocket.disconnect"
                    )
                    self._accept(connection, event)

    def _on_connection(self, connected: bool) -> None:
        if connected:
            self._resetting = asyncio.create_task(self._backplane.publish(RESET, self._backplane.worker))
        else:
            for connection in self._connections.values():
                connection.cut()

    def lose(self, worker: str) -> None:
        """Drop all connections to that worker."""
        for connection in self._connections.values():
            if connection.worker == worker:
                connection.cut()


def _topic(worker: str) -> str:
    return f"lines:{worker}"


def _encoded(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()}


def _decoded(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if value.keys() == {"base64"} else value
