"""Hearing of a stop before uvicorn does. uvicorn tells all sockets 1012 at once and the application last: what waits
in outboxes would be lost, and nobody would be left to cut off who does not read [8, 9, C6, D7]."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import FrameType


@asynccontextmanager
async def before_stop(drain: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """On SIGINT or SIGTERM first `drain()`, and then whoever handled the signal before (uvicorn installs its handlers
    before the application starts). A second signal goes to that handler at once."""
    if threading.current_thread() is not threading.main_thread():  # Python allows no handlers there
        yield
        return
    loop = asyncio.get_running_loop()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    draining: list[asyncio.Task[None]] = []  # the loop itself keeps only weak references to tasks

    async def drain_and_pass_on(number: int) -> None:
        try:
            await drain()
        finally:
            signal.raise_signal(number)

    def handle(number: int, frame: FrameType | None) -> None:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        loop.call_soon_threadsafe(lambda: draining.append(loop.create_task(drain_and_pass_on(number))))

    for number, handler in handlers.items():
        if callable(handler):  # else nobody handles it in Python, and it is not for us to change what it does
            signal.signal(number, handle)
    yield
