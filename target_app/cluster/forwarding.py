"""Connections that are carried from one worker to another over the backplane, as ASGI events.

Either end has a window: whoever takes nothing is soon sent nothing, and the other end feels it as it would feel a peer
that does not read. What is to be sent gathers while the backplane is busy, and goes together.
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

    def __init__(self, lines: ForwardedConnections, name: str, worker: str, last: str) -> None:
        self.name = name
        self.worker = worker
        self._lines = lines
        self._last = last
        self._incoming: asyncio.Queue[Event] = asyncio.Queue()
        self._on_the_way = 0
        self._taken = 0
        self._is_broken = False
        self._room = asyncio.Event()

    async def send(self, event: Event) -> None:
        """Send an event. Raises OSError if the connection is broken."""
        while self._on_the_way >= WINDOW and event["type"] in ("websocket.send", "websocket.receive"):
            self._room.clear()
            await self._room.wait()
        if self._is_broken:
            raise OSError("the other worker is out of reach")
        self._on_the_way += 1
        self._lines.post(self, event)

    async def receive(self) -> Event:
        event = await self._incoming.get()
        self._taken += 1
        if self._taken == WINDOW // 2:
            self._lines.post(self, {"type": TAKEN, "count": self._taken})
            self._taken = 0
        return event

    def heard(self, event: Event) -> None:
        """Handle an event from the other end."""
        if event["type"] == TAKEN:
            self._on_the_way -= event["count"]
            self._room.set()
        else:
            self._incoming.put_nowait(event)

    def cut(self) -> None:
        """Handle the loss of the other end."""
        self._is_broken = True
        self._room.set()
        self._incoming.put_nowait({"type": self._last})


class ForwardedConnections:
    """The forwarded connections of this worker. `called` gets each that another worker opens, and its first event."""

    def __init__(self, backplane: Backplane, called: Callable[[ForwardedConnection, Event], None]) -> None:
        self._backplane = backplane
        self._called = called
        self._numbers = itertools.count(1)
        self._lines: dict[str, ForwardedConnection] = {}
        self._letters: list[tuple[ForwardedConnection, Event]] = []
        self._posting: asyncio.Task[None] | None = None
        self._resetting: asyncio.Task[None] | None = None
        backplane.subscribe(_topic(backplane.worker), self._heard)
        backplane.subscribe(RESET, self.lose)
        backplane.watch(self._told)

    def open(self, worker: str, first: Event) -> ForwardedConnection:
        """Open a connection to that worker, with `first` as its first event."""
        line = ForwardedConnection(self, f"{self._backplane.worker}-{next(self._numbers)}", worker, "websocket.close")
        self._lines[line.name] = line
        self.post(line, {**first, "from": self._backplane.worker})
        return line

    def hang_up(self, line: ForwardedConnection, last: Event) -> None:
        """End a connection. `last` tells the other end, if it does not know yet."""
        del self._lines[line.name]
        self.post(line, last)

    def post(self, line: ForwardedConnection, event: Event) -> None:
        self._letters.append((line, event))
        if self._posting is None or self._posting.done():
            self._posting = asyncio.create_task(self._post(), name="lines")

    async def _post(self) -> None:
        while self._letters:
            letters, self._letters = self._letters, []
            mail: dict[str, list[tuple[list[str], Event]]] = {}
            for line, event in letters:
                pile = mail.setdefault(line.worker, [])
                if pile and pile[-1][1] == event:  # send an event for many connections once
                    pile[-1][0].append(line.name)
                else:
                    pile.append(([line.name], event))
            for worker, pile in mail.items():
                await self._backplane.publish(_topic(worker), json.dumps(pile, default=_encoded))

    def _heard(self, payload: str) -> None:
        for names, event in json.loads(payload, object_hook=_decoded):
            for name in names:
                line = self._lines.get(name)
                if line is not None:
                    line.heard(dict(event))
                elif "from" in event:
                    line = self._lines[name] = ForwardedConnection(self, name, event["from"], "websocket.disconnect")
                    self._called(line, event)

    def _told(self, connected: bool) -> None:
        if connected:
            self._resetting = asyncio.create_task(self._backplane.publish(RESET, self._backplane.worker))
        else:
            for line in self._lines.values():
                line.cut()

    def lose(self, worker: str) -> None:
        """Drop all connections to that worker."""
        for line in self._lines.values():
            if line.worker == worker:
                line.cut()


def _topic(worker: str) -> str:
    return f"lines:{worker}"


def _encoded(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()}


def _decoded(value: dict[str, Any]) -> Any:
    return base64.b64decode(value["base64"]) if value.keys() == {"base64"} else value
