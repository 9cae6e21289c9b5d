"""Hearing of the end before the server library tells the endpoints.

The library tells an endpoint through `receive()`, and an endpoint that waits for its own slow peer does not call it.
uvicorn installs its signal handlers before the application starts, so they can be wrapped from there.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def told_of_stop(callback: Callable[[], None]) -> Iterator[None]:
    """Call `callback` in the running loop when a stop signal comes, and then whoever was listening before.

    Does nothing outside the main thread, where Python allows no signal handlers, or where nobody else handles the
    signal in Python: then it is not for us to change what it does.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}

    def handle(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(callback)
        earlier = before[signal.Signals(number)]
        assert callable(earlier)
        earlier(number, frame)

    wrapped = [number for number, earlier in before.items() if callable(earlier)]
    for number in wrapped:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number in wrapped:
            if signal.getsignal(number) is handle:
                signal.signal(number, before[number])
