"""Limits: token buckets for messages and errors, and the message that tells clients about all limits."""

from __future__ import annotations

from fastapi.requests import HTTPConnection

from target_app.messages import Limits
from target_app.proxies import is_forwarded
from target_app.settings import Settings


class TokenBucket:
    """Allows `burst` at once and `rate_hz` on average. The caller passes the time in seconds."""

    __slots__ = ("_burst", "_left", "_rate_hz", "_then")

    def __init__(self, rate_hz: float, burst: int, now: float) -> None:
        self._rate_hz = rate_hz
        self._burst = float(burst)
        self._left = self._burst
        self._then = now

    def take(self, now: float) -> bool:
        """Take a token, if there is one."""
        self._left = min(self._burst, self._left + (now - self._then) * self._rate_hz)
        self._then = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    def is_full(self, now: float) -> bool:
        """Return whether the bucket is full, so that it can be forgotten."""
        return self._left + (now - self._then) * self._rate_hz >= self._burst

    def wait_ms(self) -> int:
        """Return the milliseconds from the last `take` until the next token; 0 if there is one."""
        return max(0, round((1 - self._left) / self._rate_hz * 1000))

    def spend(self, count: int) -> None:
        """Remove tokens that were spent on other workers."""
        self._left -= count


def limited_address(connection: HTTPConnection, settings: Settings) -> str | None:
    """Return the IP address whose limits apply to this connection; None if there is none."""
    # Without an address (a Unix socket, say) all connections would share one limit.
    address = connection.client.host if connection.client else ""
    if address in settings.trusted_addresses and not is_forwarded(connection, settings):
        return None
    return address or None


def pace_of(connection: HTTPConnection, settings: Settings, now: float) -> TokenBucket | None:
    """Return the rate limit of a connection to a channel without warnings; None if only reading limits it."""
    if limited_address(connection, settings) is None:
        return None
    return TokenBucket(settings.open_message_rate, settings.open_message_burst, now)


def limits_of(settings: Settings) -> Limits:
    """Return the limits for a client's welcome message."""
    return Limits(
        message_bytes=settings.max_message_bytes,
        messages_per_second=settings.message_rate,
        messages_burst=settings.message_burst,
        user_messages_per_second=settings.user_message_rate,
        user_messages_burst=settings.user_message_burst,
        errors_burst=settings.error_burst,
        errors_per_minute=settings.error_rate,
        queue_bytes=settings.outbox_bytes,
        connections_per_user=settings.max_connections_per_user,
        connections_per_address=settings.max_connections_per_address,
        connections=settings.max_connections,
        handshakes_per_minute=settings.handshakes_per_minute,
    )
