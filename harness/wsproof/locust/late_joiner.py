"""A user that joins while the others are already being measured."""

from __future__ import annotations

import gevent

from wsproof.locust.registry import run_of
from wsproof.locust.users import ChannelUser


class LateJoiner(ChannelUser):
    """A member that joins some time after the measured window has begun.

    The window does not wait for it. Once it has joined, it must miss nothing and receive nothing twice.
    """

    abstract = True
    has_slow_start = True
    joins_after_s = 10.0
    """Seconds from the beginning of the measured window."""

    def on_start(self) -> None:
        """Wait for the measured window, and join some time later."""
        run = run_of(self.environment, self.room_class())
        if run is not None:
            run.has_begun.wait()
            gevent.sleep(self.joins_after_s)
        super().on_start()
