"""The application's own heartbeat, for scripts in browsers, which cannot see protocol pings.

The server library sends protocol pings, if it supports them (`Settings.ping_interval`). They detect dead peers. This
heartbeat also detects scripts that hang, and tells the script of the peer that the server is alive.
"""

from __future__ import annotations

from target_app.close_reasons import IDLE, ConnectionEnd


class Heartbeat:
    """The heartbeat of one connection. It sends `text` after each `interval` seconds of silence.

    After `timeout` seconds of silence the peer counts as gone (4006). Any message ends the silence.
    """

    def __init__(self, text: str, interval: float, timeout: float) -> None:
        self.text = text
        self._interval = interval
        self._timeout = timeout
        self._beat_at = 0.0

    def ending(self, silence: float) -> ConnectionEnd | None:
        """Return how the connection ends after so many seconds of silence; None if it stays open."""
        return IDLE if silence > self._timeout else None

    def is_due(self, now: float, heard_at: float) -> bool:
        """Return whether to send `text` at this time, once per interval."""
        if now - max(heard_at, self._beat_at) < self._interval:
            return False
        self._beat_at = now
        return True
