"""A WebSocket client of an ASGI application in the same event loop, without a server library and without sockets.

It imports nothing of the application, so it can talk to a copy of it under any name.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

DEADLINE = 90.0
"""Deadline in seconds for every wait. Only a failing test waits this long."""


class AsgiPeer:
    """One connection. Use it as `async with AsgiPeer(app, "/ws") as peer`."""

    def __init__(self, app: Any, path: str, **headers: str) -> None:
        self._app = app
        self._says: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._hears: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._scope = {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "scheme": "ws",
            "http_version": "1.1",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in {"host": "127.0.0.1", **headers}.items()],
            "subprotocols": [],
            "client": ("127.0.0.1", 12345),
            "server": ("127.0.0.1", 8000),
        }

    async def __aenter__(self) -> AsgiPeer:
        self._says.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.create_task(self._app(self._scope, self._says.get, self._hears.put))
        assert (await self._next())["type"] == "websocket.accept"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._says.put_nowait({"type": "websocket.disconnect", "code": 1000})
        await asyncio.wait_for(self._task, DEADLINE)

    async def _next(self) -> dict[str, Any]:
        return await asyncio.wait_for(self._hears.get(), DEADLINE)

    def say(self, text: str) -> None:
        self._says.put_nowait({"type": "websocket.receive", "text": text})

    async def hear(self) -> str:
        """Return the next text. Fails if the server closes."""
        return str((await self._next())["text"])

    async def close_code(self) -> int:
        """Return the code of the close frame, which must be next."""
        event = await self._next()
        assert event["type"] == "websocket.close", event
        return int(event["code"])


async def talk(app: Any) -> None:
    """Use the echo, and the chat with two members: both receive the same messages in one order, and a leave notice."""
    async with AsgiPeer(app, "/ws") as echo:
        echo.say("hello")
        assert await echo.hear() == "Message received: hello"
    async with AsgiPeer(app, "/ws/1") as one:
        async with AsgiPeer(app, "/ws/2") as two:
            two.say("ready")
            assert [await two.hear(), await two.hear()] == ["You: ready", "Client #2 says: ready"]
            one.say("hello")
            assert await two.hear() == "Client #1 says: hello"
        heard = [await one.hear() for _ in range(4)]
        assert [text for text in heard if text != "You: hello"] == [
            "Client #2 says: ready",
            "Client #1 says: hello",
            "Client #2 left the chat",
        ]


@asynccontextmanager
async def started(app: Any) -> AsyncIterator[None]:
    """Start the application, and stop it after the block."""
    says: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    hears: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, says.get, hears.put))
    for event in ("startup", "shutdown"):
        says.put_nowait({"type": f"lifespan.{event}"})
        assert await asyncio.wait_for(hears.get(), DEADLINE) == {"type": f"lifespan.{event}.complete"}
        if event == "startup":
            yield
    await task
