"""A user that stops reading."""

from __future__ import annotations

from wsproof.locust.connection import GeventConnection
from wsproof.locust.users import ChannelUser


class StalledReader(ChannelUser):
    """A member that reads for a while, and then never again, but stays connected.

    The server may leave messages out for it, or end its connection. The other members must not notice. Its receive
    buffer is small, so that a server that waits for it does so soon.
    """

    abstract = True
    may_publish = False
    receive_buffer = 4096
    reads_s = 1.0
    """Seconds for which it reads."""
    has_stalled = False

    def behave(self, line: GeventConnection) -> None:
        """Read for a while at first, and only stay connected afterwards."""
        if not self.has_stalled:
            line.gone.wait(self.reads_s)
            self.has_stalled = True
            self.room.stop_expecting(self.member)
            line.stop_reading()
        super().behave(line)
