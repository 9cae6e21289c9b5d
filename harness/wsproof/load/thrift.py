"""What costs something is done seldom enough to cost next to nothing."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time_ns
from typing import TypeVar

from wsproof.net.clock import now_ns

RESTS = 400
"""It rests so many times as long as it kept a processor busy: at most a quarter of a per cent of a core."""

Made = TypeVar("Made")


class Thrift:
    """Paces one kind of work by what it cost the last time, and no faster than once in `every_ns`."""

    def __init__(self, every_ns: int = 0) -> None:
        self._every_ns = every_ns
        self._next_ns = 0

    @property
    def due(self) -> bool:
        """Whether it may be done again."""
        return now_ns() >= self._next_ns

    def of(self, work: Callable[[], Made]) -> Made:
        """Do it, due or not, and rest from now on as long as it has earned."""
        began_ns, before_ns = now_ns(), thread_time_ns()
        made = work()
        self._next_ns = began_ns + max(self._every_ns, RESTS * (thread_time_ns() - before_ns))
        return made
