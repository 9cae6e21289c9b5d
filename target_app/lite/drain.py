"""Draining before uvicorn stops. uvicorn closes all sockets with 1012 at once and tells the application last. Messages
in outboxes would be lost, and no code would be left to cut off peers that do not read [8, 9, C6, D7]."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import FrameType


@asynccontextmanager
async def before_stop(drain: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
    """On SIGINT or SIGTERM run `drain()`, and then the previous handler (uvicorn installs its handlers before the
    application starts). A second signal goes to the previous handler at once."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set signal handlers
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
        if callable(handler):  # otherwise the signal has no Python handler: leave it as it is
            signal.signal(number, handle)
    yield
