"""The two ways from an outbox to the wire: straight into the transport, or through ASGI's `send`."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Protocol

from fastapi import WebSocket, WebSocketDisconnect

from target_app.flusher import Batch, Flusher, Joined
from target_app.outbox import Outbox, Outgoing
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

    congested_since: float | None
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

    def write_now(self, batch: Batch) -> bool:
        """Write these at once, past an outbox that is empty. False: that cannot be done now, and nothing was."""

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

    def write_now(self, batch: Batch) -> bool:
        wire = self._wire
        if wire.congested_since is not None or not wire.write(batch.frames):
            return False
        self.sent += len(batch.messages)
        self.lag.note(batch.messages[0].made_at)
        return True

    def flush(self, joined: Joined) -> None:
        wire, outbox = self._wire, self._outbox
        if outbox and wire.congested_since is None:
            batch = outbox.take_batch(BATCH_BYTES)
            if not wire.write(joined.of(batch)):
                self.fail()
                return
            self.sent += len(batch)
            self.lag.note(batch[0].made_at)
            if outbox and wire.congested_since is None:
                self._flusher.mark(self)
        if not outbox:
            self._emptied.set()

    def stuck_since(self) -> float | None:
        return self._wire.congested_since

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
    """Through ASGI's `send`, a message at a time. Where the server allows, there is a task only while a send waits."""

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
        if not self.is_prompt or self._task is not None:
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
        """Step the send by hand: most have nothing to wait for. False: this one waits, and a task has taken over."""
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
    """Whether the server is uvicorn: its `receive` is a method of its protocol object, and no layer here wraps it."""
    protocol = getattr(websocket._receive, "__self__", None)
    return any(base.__module__.startswith("uvicorn.") for base in type(protocol).__mro__)


@types.coroutine
def _stepped(begun: Coroutine[Any, Any, None], awaited: Any) -> Generator[Any, Any, None]:
    """The rest of a coroutine that has been stepped once by hand and awaits `awaited`."""
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
