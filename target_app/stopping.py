"""Draining before the server library stops.

uvicorn installs its signal handlers before the application starts, so the application can wrap them. When uvicorn's
handlers have run, all connections get 1012 at the same moment, which is too late for a drain.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@asynccontextmanager
async def before_stop(prepare: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """On a stop signal, run `prepare()` and then the previous handler. A second signal goes to that handler at once.

    Does nothing outside the main thread, where Python allows no signal handlers, or if the signal has no other handler
    in Python, whose behaviour must not change.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    stopping = _Stopping(prepare)
    try:
        yield
    finally:
        await stopping.restore()


class _Stopping:
    def __init__(self, prepare: Callable[[], Awaitable[None]]) -> None:
        self._prepare = prepare
        self._loop = asyncio.get_running_loop()
        self._preparing: asyncio.Task[None] | None = None
        self._is_asked = False
        self._before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
        self._handler = self._handle
        for number, earlier in self._before.items():
            if callable(earlier):
                signal.signal(number, self._handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._is_asked:
            self._pass_on(number)
        else:
            self._is_asked = True
            self._loop.call_soon_threadsafe(self._begin, number)

    def _begin(self, number: int) -> None:
        self._preparing = self._loop.create_task(self._prepare_and_pass_on(number), name="stopping")

    async def _prepare_and_pass_on(self, number: int) -> None:
        try:
            await self._prepare()
        finally:
            self._pass_on(number)

    def _pass_on(self, number: int) -> None:
        earlier = self._before[signal.Signals(number)]
        assert callable(earlier)
        earlier(number, None)

    async def restore(self) -> None:
        for number, earlier in self._before.items():
            if signal.getsignal(number) == self._handler:
                signal.signal(number, earlier)
        if self._preparing is not None and not self._preparing.done():
            self._preparing.cancel()
            await asyncio.wait({self._preparing})
