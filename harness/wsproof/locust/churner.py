"""A user that comes and goes."""

from __future__ import annotations

import random
from time import monotonic_ns

from wsproof.locust.connection import GeventConnection
from wsproof.locust.returning_user import ReturningUser
from wsproof.locust.users import CLOSE_SECONDS
from wsproof.model.history import Departure
from wsproof.model.nanoseconds import NS


class Churner(ReturningUser):
    """A member that leaves after a random stay, and comes back as `ReturningUser` does.

    It listens only: a publication is due from those that stay.
    """

    abstract = True
    may_publish = False
    stays_s = 10.0
    """Mean length of a stay in seconds. Stays are between half of it and one and a half times as long."""
    leaves_ns = 0

    def behave(self, line: GeventConnection) -> None:
        """Stay until it is time to leave, and leave with a close frame."""
        if not self.leaves_ns:
            self.leaves_ns = monotonic_ns() + int(random.uniform(0.5, 1.5) * self.stays_s * NS)
        line.gone.wait(max(self.leaves_ns - monotonic_ns(), 0) / NS)
        self.leaves_ns = 0
        if not line.gone.is_set():
            self.room.left(self.member, Departure.CLOSED)
            line.close(CLOSE_SECONDS)
