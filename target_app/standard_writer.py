"""A writer from an outbox to the wire through ASGI's `send`, for any server."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect

from target_app.flusher import Batch, Joined
from target_app.outbox import Outbox, Outgoing
from target_app.traffic import Lag

SEND_FAILURES = (WebSocketDisconnect, RuntimeError, OSError)
"""Exceptions of a send after the connection has ended. uvicorn and Starlette raise RuntimeError for a send after
close."""


class StandardWriter:
    """Writes through ASGI's `send`, one message at a time. If possible, a task exists only while a send waits."""

    def __init__(self, websocket: WebSocket, outbox: Outbox, failed: Callable[[], None]) -> None:
        self._send = websocket.send
        self._outbox = outbox
        self._task: asyncio.Task[None] | None = None
        self._stuck_since: float | None = None
        self.fail = failed
        self.is_marked = False
        self.is_prompt = is_uvicorn(websocket)
        self.sent = 0
        self.lag = Lag()

    def write_now(self, batch: Batch) -> bool:
        if not self.is_prompt or self.is_marked or self._task is not None:
            return False
        for number, message in enumerate(batch.messages, start=1):
            if not self._send_now(message):
                self._outbox.put_all(batch.messages[number:])
                break
        return True

    def flush(self, joined: Joined) -> None:
        if not self.is_prompt:
            if self._task is None and self._outbox:
                self._begin(self._drain())
            return
        while self._task is None and (message := self._outbox.take()) is not None:
            self._send_now(message)

    def _send_now(self, message: Outgoing) -> bool:
        """Step the send by hand, since most do not wait. Returns False if it waits, and a task has taken over."""
        sending = self._send(_event(message))
        try:
            awaited = sending.send(None)
        except StopIteration:
            self.sent += 1
            self.lag.note(message.made_at)
        except SEND_FAILURES:
            self.fail()
        else:
            self._begin(self._go_on(message, sending, awaited))
            return False
        return True

    def _begin(self, writing: Coroutine[Any, Any, None]) -> None:
        self._stuck_since = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(writing, name="writer")

    async def _go_on(self, message: Outgoing, sending: Coroutine[Any, Any, None], awaited: Any) -> None:
        try:
            await _stepped(sending, awaited)
            self.sent += 1
            self.lag.note(message.made_at)
        except SEND_FAILURES:
            self.fail()
        finally:
            self._stuck_since = self._task = None
        self.flush(Joined())

    async def _drain(self) -> None:
        now = asyncio.get_running_loop().time
        try:
            while (message := self._outbox.take()) is not None:
                self._stuck_since = now()
                await self._send(_event(message))
                self.sent += 1
                self.lag.note(message.made_at)
        except SEND_FAILURES:
            self.fail()
        finally:
            self._stuck_since = self._task = None

    def stuck_since(self) -> float | None:
        return self._stuck_since

    async def finish(self, timeout: float) -> None:
        self.flush(Joined())
        ends = asyncio.get_running_loop().time() + timeout
        while self._task is not None and (left := ends - asyncio.get_running_loop().time()) > 0:
            await asyncio.wait({self._task}, timeout=left)

    async def stop(self) -> None:
        self._outbox.discard()
        if self._task is not None:
            task = self._task
            task.cancel()
            await asyncio.wait({task})


def _event(message: Outgoing) -> dict[str, Any]:
    data = message.data
    return {"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data}


def is_uvicorn(websocket: WebSocket) -> bool:
    """Return whether the server is uvicorn: `receive` is a method of its protocol object, and no layer wraps it."""
    protocol = getattr(websocket._receive, "__self__", None)
    return any(base.__module__.startswith("uvicorn.") for base in type(protocol).__mro__)


@types.coroutine
def _stepped(begun: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """Continue a coroutine that was stepped once by hand and awaits `awaited`."""
    while True:
        problem: BaseException | None = None
        try:
            answer = yield awaited
        except BaseException as thrown:  # noqa: BLE001 - any exception has to reach the coroutine
            problem = thrown
        try:
            awaited = begun.send(answer) if problem is None else begun.throw(problem)
        except StopIteration:
            return
