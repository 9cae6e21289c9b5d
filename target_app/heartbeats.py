"""The application's own heartbeat, for peers that cannot see a protocol ping: browsers do not show it to scripts.

Protocol pings are the server library's, and on in all of them that know any (`Settings.ping_interval`). They find peers
that are gone. This one also lets the peer's script find out that we are gone, and finds scripts that hang.
"""

from __future__ import annotations

from target_app.close_reasons import IDLE, ConnectionEnd


class Heartbeat:
    """One connection's: `text` is sent after each `interval` seconds of silence.

    After `timeout` seconds of it the peer is taken for gone (close code 4006). Any message ends the silence.
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
