"""The clock of everything periodic."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator


async def ticks(period: float) -> AsyncIterator[None]:
    """Yield at the end of each period, in seconds.

    The times are multiples of the period since the start, so a late tick does not delay the next one. Missed periods
    are skipped.
    """
    loop = asyncio.get_running_loop()
    began, count = loop.time(), 0
    while True:
        count = max(count, int((loop.time() - began) / period)) + 1
        await asyncio.sleep(began + count * period - loop.time())
        yield
