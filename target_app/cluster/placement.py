"""The worker that holds a board or a match, where there are several workers.

The first worker that claims a board or match holds it while it renews the claim. A worker that was cut off from the
others for too long loses its claim. It then closes the connections, and the clients reconnect to the new owner.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from target_app.backplane import BEAT
from target_app.board_sessions import BoardSessions
from target_app.match_sessions import MatchSessions
from target_app.registry import Registry
from target_app.services import Services

SETTLE_SECONDS = 5.0
"""Seconds after the reconnect in which owners renew their claims, and no worker claims anything new."""

Moved = Callable[[str], None]
"""Receives the path of a place whose owner has changed."""

logger = logging.getLogger("target_app")


class Placement:
    """The owners of paths such as `/draw/lobby`. One for each application: `services.shared(Placement)`."""

    def __init__(self, services: Services) -> None:
        self._backplane = services.backplane
        self._drain = services.drain
        self._registries: dict[str, Registry[Any]] = {
            "draw": services.shared(BoardSessions),
            "game": services.shared(MatchSessions),
        }
        self._asked_for: Counter[str] = Counter()
        self._owners: dict[str, str] = {}
        self._was_lost = False
        self._settling_until = 0.0
        self._renewing: asyncio.Task[None] | None = None
        self.moved: list[Moved] = []
        self._backplane.subscribe(BEAT, self._beat)
        self._backplane.watch(self._told)

    @contextmanager
    def asked_for(self, place: str) -> Iterator[None]:
        """Note that a user of this worker is at a place, whichever worker holds it, for the duration of the block."""
        self._asked_for[place] += 1
        try:
            yield
        finally:
            self._asked_for[place] -= 1
            if not self._asked_for[place]:
                del self._asked_for[place]

    async def owner_of(self, place: str) -> str | None:
        """Return the worker that owns a place; None if the owner is unknown at the moment."""
        if place not in self._owners and asyncio.get_running_loop().time() >= self._settling_until:
            self._note(await self._backplane.claim([place]))
        owner = self._owners.get(place)
        return owner if self._backplane.connected or owner == self._backplane.worker else None

    def _ours(self) -> set[str]:
        return {f"/{kind}/{name}" for kind, registry in self._registries.items() for name in registry.names()}

    def _beat(self, worker: str) -> None:
        if worker == self._backplane.worker and (self._renewing is None or self._renewing.done()):
            self._renewing = asyncio.create_task(self._renew(), name="claims")

    def _told(self, connected: bool) -> None:
        if connected and self._was_lost:
            self._settling_until = asyncio.get_running_loop().time() + SETTLE_SECONDS
            self._renewing = asyncio.create_task(self._renew(), name="claims")
        self._was_lost = not connected

    async def _renew(self) -> None:
        if self._drain.has_begun:
            await self.release()
            return
        is_settling = asyncio.get_running_loop().time() < self._settling_until
        wanted = self._ours() if is_settling else self._ours() | self._asked_for.keys()
        self._note(await self._backplane.claim(sorted(wanted)))
        self._owners = {place: owner for place, owner in self._owners.items() if place in wanted or is_settling}

    async def release(self) -> None:
        """Give up all claims."""
        mine = [place for place, owner in self._owners.items() if owner == self._backplane.worker]
        await self._backplane.release(mine)
        self._owners.clear()

    def _note(self, owners: dict[str, str]) -> None:
        for place, owner in owners.items():
            before = self._owners.get(place, owner)
            self._owners[place] = owner
            if owner == before and (owner == self._backplane.worker or place not in self._ours()):
                continue
            logger.warning("moved path=%s owner=%s", place, owner)
            _, kind, name = place.split("/")
            self._registries[kind].forget(name)
            for moved in self.moved:
                moved(place)
