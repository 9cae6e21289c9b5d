"""A user that comes back when the server has ended its connection."""

from __future__ import annotations

import random

import gevent

from wsproof.locust.users import ChannelUser


class ReturningUser(ChannelUser):
    """A member that connects again after a growing wait with jitter, as a good client does.

    The n-th attempt waits a random time up to `first_wait_s` times 2^n, at most up to `longest_wait_s`. So the users do
    not all come back in the same moment after a restart. Each end of a connection and each attempt that fails is a
    Locust failure. The result says how long it took until the users received messages again.
    """

    abstract = True
    first_wait_s = 1.0
    longest_wait_s = 30.0

    def on_connection_gone(self) -> None:
        """Try to connect until that succeeds, or the test ends."""
        attempt = 0
        while self.line is None or self.line.gone.is_set():
            gevent.sleep(random.uniform(0, self.longest_wait(attempt)))
            self.connect_again()
            attempt += 1

    def longest_wait(self, attempt: int) -> float:
        """The longest wait before an attempt, in seconds. The first attempt is number 0."""
        return float(min(self.first_wait_s * 2 ** min(attempt, 32), self.longest_wait_s))
