"""Channel users that behave in a certain way: they only listen, join late, read slowly, come back, or come and go."""

from __future__ import annotations

import random
from time import monotonic_ns

import gevent

from wsproof.locust.connection import GeventConnection
from wsproof.locust.registry import run_of
from wsproof.locust.users import CLOSE_SECONDS, ChannelUser
from wsproof.model.history import Departure
from wsproof.model.nanoseconds import NS


class Lurker(ChannelUser):
    """A member that receives everything and never publishes."""

    abstract = True
    may_publish = False


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
            run.ramp.has_begun.wait()
            gevent.sleep(self.joins_after_s)
        super().on_start()


class _PoorReader(ChannelUser):
    """A member that listens with a small receive buffer, and stops reading as its messages come.

    The server may leave messages out for it, or end its connection. The other members must not notice.
    """

    abstract = True
    may_publish = False
    receive_buffer = 4096

    def stop_reading(self, line: GeventConnection) -> None:
        """Read no more by itself. From now on no message is expected to reach the member."""
        self.room.stop_expecting(self.member)
        line.stop_reading()


class SlowReader(_PoorReader):
    """A member that reads only once in a while, as on a bad connection.

    Each read takes what the small receive buffer holds. The server may leave messages out for it, or end its
    connection.
    """

    abstract = True
    pause_s = 1.0
    """Seconds between two reads."""
    is_slow = False

    def behave(self, line: GeventConnection) -> None:
        """Wait, and read once."""
        if not self.is_slow:
            self.is_slow = True
            self.stop_reading(line)
        line.gone.wait(self.pause_s)
        line.read_once()


class StalledReader(_PoorReader):
    """A member that reads for a while, and then never again, but stays connected.

    Its receive buffer is small, so that it is soon full. The server may leave messages out for it, or end its
    connection.
    """

    abstract = True
    reads_s = 1.0
    """Seconds for which it reads."""
    has_stalled = False

    def behave(self, line: GeventConnection) -> None:
        """Read for a while at first, and only stay connected afterwards."""
        if not self.has_stalled:
            line.gone.wait(self.reads_s)
            self.has_stalled = True
            self.stop_reading(line)
        super().behave(line)


class ReturningUser(ChannelUser):
    """A member that connects again after a growing wait with jitter, as a good client does.

    It also does so if its first connect fails. The n-th attempt waits a random time up to `first_wait_s` times 2^n, at
    most up to `longest_wait_s`. So the users do not all come back in the same moment after a restart. Each end of a
    connection and each attempt that fails is a Locust failure. The result says how long it took until the users
    received messages again.
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


class Churner(ReturningUser):
    """A member that leaves after a random stay, and comes back as `ReturningUser` does.

    It only listens: publications are due from members that stay.
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
