"""The two ways from an outbox to the wire: straight into the transport, or through ASGI's `send`."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol

from fastapi import WebSocket, WebSocketDisconnect

from target_app.flusher import Flusher, Joined
from target_app.outbox import Outbox
from target_app.traffic import Lag

DIRECT = "target_app.direct"
"""Name of the ASGI extension under which a server offers a `Wire`."""

BATCH_BYTES = 65_536
"""What one write hands over at most, give or take a message: the same as the transport takes before it is full."""

SEND_FAILURES = (WebSocketDisconnect, RuntimeError, OSError)
"""What a send raises when the peer or the server library is already done with the connection. RuntimeError is how
uvicorn and Starlette say "after close"."""


class Wire(Protocol):
    """A connection that takes finished frames, offered by the server (`direct.py`)."""

    on_writable: Callable[[], None]
    """Called when the peer has read enough to go on, and when it is gone."""

    def congested_since(self) -> float | None:
        """Loop time since when the transport has been full; None: it takes more."""

    def write(self, frames: bytes) -> bool:
        """Hand over whole frames without waiting. False: after the close frame, or the peer is gone."""

    def end_within(self, seconds: float) -> None:
        """Reset the connection if it has not ended by itself by then."""


class Writer(Protocol):
    """What a connection needs of either."""

    is_marked: bool
    sent: int
    lag: Lag
    """Where the time is noted that messages took until they were written."""

    @property
    def is_prompt(self) -> bool:
        """A flush has written all that could be written when it returns."""

    def flush(self, joined: Joined) -> None: ...

    def fail(self) -> None: ...

    def stuck_since(self) -> float | None:
        """Loop time since when the peer has kept something waiting; None: it does not."""

    async def finish(self, timeout: float) -> None:
        """Write what still waits, for so many seconds at most."""

    async def stop(self) -> None:
        """Write nothing more."""


class DirectWriter:
    """One joined write for each flush. A full transport is left alone until it says that it has room."""

    is_prompt = True

    def __init__(self, wire: Wire, outbox: Outbox, flusher: Flusher, failed: Callable[[], None]) -> None:
        self._wire = wire
        self._outbox = outbox
        self._flusher = flusher
        self._emptied = asyncio.Event()
        self.fail = failed
        self.is_marked = False
        self.sent = 0
        self.lag = Lag()
        wire.on_writable = self._mark

    def _mark(self) -> None:
        if self._outbox and not self.is_marked:
            self._flusher.mark(self)

    def flush(self, joined: Joined) -> None:
        wire, outbox = self._wire, self._outbox
        if outbox and wire.congested_since() is None:
            batch = outbox.take_batch(BATCH_BYTES)
            if not wire.write(joined.of(batch)):
                self.fail()
                return
            self.sent += len(batch)
            self.lag.note(batch[0].made_at)
            if outbox and wire.congested_since() is None:
                self._flusher.mark(self)
        if not outbox:
            self._emptied.set()

    def stuck_since(self) -> float | None:
        return self._wire.congested_since()

    async def finish(self, timeout: float) -> None:
        self._emptied.clear()
        self.flush(Joined())
        try:
            async with asyncio.timeout(timeout):
                while self._outbox:
                    self._emptied.clear()
                    await self._emptied.wait()
        except TimeoutError:
            pass  # the peer has had its time

    async def stop(self) -> None:
        self._outbox.discard()


class StandardWriter:
    """Through ASGI's `send`, a message at a time. There is a task only while a send waits.

    `eager`: the server's `send` needs no task of its own, so it is tried without one. Only uvicorn is known for that.
    """

    def __init__(self, websocket: WebSocket, outbox: Outbox, failed: Callable[[], None]) -> None:
        self._websocket = websocket
        self._outbox = outbox
        self._task: asyncio.Task[None] | None = None
        self._stuck_since: float | None = None
        self.fail = failed
        self.is_marked = False
        self.is_prompt = is_uvicorn(websocket)
        self.sent = 0
        self.lag = Lag()

    def flush(self, joined: Joined) -> None:
        if self._task is not None or not self._outbox:
            return
        writing = self._write()
        if self.is_prompt:
            try:
                awaited = writing.send(None)
            except StopIteration:
                return
            writing = _rest_of(writing, awaited)
        self._task = asyncio.create_task(writing, name="writer")

    async def _write(self) -> None:
        now = asyncio.get_running_loop().time
        send, outbox = self._websocket.send, self._outbox
        try:
            while (message := outbox.take()) is not None:
                self._stuck_since = now()
                kind = "text" if isinstance(message.data, str) else "bytes"
                await send({"type": "websocket.send", kind: message.data})
                self.sent += 1
                self.lag.note(message.made_at)
        except SEND_FAILURES:
            self.fail()
        finally:
            self._stuck_since = None
            self._task = None

    def stuck_since(self) -> float | None:
        return self._stuck_since

    async def finish(self, timeout: float) -> None:
        self.flush(Joined())
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=timeout)

    async def stop(self) -> None:
        self._outbox.discard()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})


def is_uvicorn(websocket: WebSocket) -> bool:
    """Whether the server is uvicorn: its `receive` is a method of its protocol object, and no layer here wraps it."""
    protocol = getattr(websocket._receive, "__self__", None)
    return any(base.__module__.startswith("uvicorn.") for base in type(protocol).__mro__)


async def _rest_of(begun: Coroutine[Any, Any, None], awaited: Any) -> None:
    """What is left of a coroutine that has been stepped once by hand and awaits `awaited`."""
    await _stepped(begun, awaited)


@types.coroutine
def _stepped(begun: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    while True:
        problem: BaseException | None = None
        try:
            answer = yield awaited
        except BaseException as thrown:  # noqa: BLE001 - whatever it is, it is meant for the coroutine
            problem = thrown
        try:
            awaited = begun.send(answer) if problem is None else begun.throw(problem)
        except StopIteration:
            return
