"""Limits per minute, for handshakes and failed logins. Connected workers count together."""

from __future__ import annotations

from contextlib import suppress

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError

from target_app.services import Services

TIMEOUT = 1.0
"""Seconds that the backplane's server gets to answer. After that, this worker counts by itself."""


class RateWindow:
    """Counts `what` in the last minute, separately for each name."""

    def __init__(self, services: Services, what: str, per_minute: int) -> None:
        settings = services.settings
        self._backplane = services.backplane
        self._rate = RateLimitItemPerMinute(per_minute)
        self._here = MovingWindowRateLimiter(MemoryStorage())
        self._everywhere: MovingWindowRateLimiter | None = None
        if settings.backplane_url is not None:
            from limits.aio.storage import RedisStorage  # as in main.py

            url = settings.backplane_url.get_secret_value()
            self._everywhere = MovingWindowRateLimiter(
                RedisStorage(
                    f"async+redis+{url}" if url.startswith("unix:") else f"async+{url}",
                    wrap_exceptions=True,
                    implementation="redispy",
                    key_prefix=f"{settings.backplane_name}:{what}",
                    socket_timeout=TIMEOUT,
                    socket_connect_timeout=TIMEOUT,
                )
            )

    async def hit(self, *names: str) -> bool:
        """Count one event. Returns False if the limit is reached, and the event does not count."""
        if self._everywhere is not None and self._backplane.connected:
            with suppress(StorageError):  # the connection was lost during the call
                return await self._everywhere.hit(self._rate, *names)
        return await self._here.hit(self._rate, *names)

    async def test(self, *names: str, cost: int = 1) -> bool:
        """Return whether `cost` more events would be within the limit."""
        if self._everywhere is not None and self._backplane.connected:
            with suppress(StorageError):
                return await self._everywhere.test(self._rate, *names, cost=cost)
        return await self._here.test(self._rate, *names, cost=cost)
