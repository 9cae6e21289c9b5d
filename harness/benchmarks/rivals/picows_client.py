"""Many open connections of the picows client on uvloop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


async def open_all(picows: Any, port: int, connections: int, at_once: int, opened: Callable[[], None]) -> None:
    """Open the connections, `at_once` at a time, and call `opened` while all are open."""
    held: list[Any] = []
    waiting = iter(range(connections))

    async def one_by_one() -> None:
        for _ in waiting:
            held.append(await picows.ws_connect(picows.WSListener, f"ws://127.0.0.1:{port}/ws"))

    await asyncio.gather(*(one_by_one() for _ in range(at_once)))
    opened()
    for transport, _ in held:
        transport.disconnect(False)
