"""Boards and matches by name: created on demand, and kept while there is room."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from target_app.close_reasons import TRY_AGAIN_LATER, Refusal

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""Allowed names."""


class Collectable(Protocol):
    """A board or a match, which may be deleted when no user is at it."""

    def __len__(self) -> int: ...


Thing = TypeVar("Thing", bound=Collectable)


class Registry(Generic[Thing]):
    """Things of one kind by name, in memory, at most `most`."""

    def __init__(self, make: Callable[[str], Thing], most: int, full: str) -> None:
        self._make = make
        self._most = most
        self._full = full
        self._things: dict[str, Thing] = {}

    def names(self) -> list[str]:
        return list(self._things)

    def at(self, name: str) -> Thing:
        """Return the thing of that name. A new one may replace the one that was unused longest. If all are in use,
        raises Refusal with the reason `full`."""
        thing = self._things.pop(name, None)
        if thing is None:
            self._make_room()
            thing = self._make(name)
        self._things[name] = thing  # move to the end, as the most recently used
        return thing

    def forget(self, name: str) -> None:
        """Remove a thing. Its name then gets a new one."""
        self._things.pop(name, None)

    def _make_room(self) -> None:
        if len(self._things) < self._most:
            return
        unused = next((name for name, thing in self._things.items() if len(thing) == 0), None)
        if unused is None:
            raise Refusal(TRY_AGAIN_LATER, self._full)
        del self._things[unused]
