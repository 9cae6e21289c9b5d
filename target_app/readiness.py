"""Readiness of this server: it is not draining, and its history can be written."""

from __future__ import annotations

import asyncio

from target_app.history import HistoryUnavailable
from target_app.services import Services

CHECK_INTERVAL = 1.0
"""Seconds for which one check of the history counts, however often it is asked for."""


class Readiness:
    """One for each application: `services.shared(Readiness)`."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._checking = asyncio.Lock()
        self._checked_at = float("-inf")
        self._cause: str | None = None

    async def objection(self) -> dict[str, str] | None:
        """Return why the server is not ready: a `status`, with a `cause` if known; None if it is ready."""
        if self._services.drain.has_begun:
            return {"status": "draining"}
        async with self._checking:
            now = asyncio.get_running_loop().time()
            if now - self._checked_at >= CHECK_INTERVAL:
                self._checked_at = now
                self._cause = await self._history_fault()
        return None if self._cause is None else {"status": "history_unavailable", "cause": self._cause}

    async def _history_fault(self) -> str | None:
        try:
            await self._services.history.check()
        except HistoryUnavailable as failed:
            return str(failed)
        return None
