"""A user that reads slowly."""

from __future__ import annotations

from wsproof.locust.connection import GeventConnection
from wsproof.locust.users import ChannelUser


class SlowReader(ChannelUser):
    """A member that reads only once in a while, as on a bad line.

    The server may leave messages out for it, or end its connection. The other members must not notice. Each read takes
    what the small receive buffer holds.
    """

    abstract = True
    may_publish = False
    receive_buffer = 4096
    pause_s = 1.0
    """Seconds between two reads."""
    is_slow = False

    def behave(self, line: GeventConnection) -> None:
        """Wait, and read once."""
        if not self.is_slow:
            self.is_slow = True
            self.room.stop_expecting(self.member)
            line.stop_reading()
        line.gone.wait(self.pause_s)
        line.read_once()
