"""The one clock of whatever happens again and again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator


async def ticks(period: float) -> AsyncIterator[None]:
    """The end of every period (seconds). The times are multiples of the period from the start, so lateness of one does
    not move the next; a period that was missed altogether is left out."""
    loop = asyncio.get_running_loop()
    began, count = loop.time(), 0
    while True:
        count = max(count, int((loop.time() - began) / period)) + 1
        await asyncio.sleep(began + count * period - loop.time())
        yield
