"""Turns for connections that have received more bytes than one iteration of the event loop should handle."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from weakref import WeakKeyDictionary

LONGEST_TURN = 0.005
"""Seconds for which turns are taken in one iteration. The last one may take longer."""

TakeTurn = Callable[[], None]


class ReadingTurns:
    """The connections of one event loop that wait for their next turn, in the order in which they asked."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self._waiting: deque[TakeTurn] = deque()
        self._is_scheduled = False

    def ask(self, take_turn: TakeTurn) -> None:
        """Call `take_turn` once, soon. It may ask for another turn."""
        self._waiting.append(take_turn)
        if not self._is_scheduled:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        ends = self._now() + LONGEST_TURN
        try:
            while self._waiting:
                self._waiting.popleft()()
                if self._now() >= ends:
                    break
        finally:
            self._is_scheduled = bool(self._waiting)
            if self._is_scheduled:
                asyncio.get_running_loop().call_soon(self._run)


_of_loops: WeakKeyDictionary[asyncio.AbstractEventLoop, ReadingTurns] = WeakKeyDictionary()


def turns_of(loop: asyncio.AbstractEventLoop) -> ReadingTurns:
    """Return the turns that all connections of this loop share."""
    turns = _of_loops.get(loop)
    if turns is None:
        turns = _of_loops[loop] = ReadingTurns()
    return turns
