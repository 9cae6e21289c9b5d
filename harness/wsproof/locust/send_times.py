"""Intended send times of an open loop. Their rate does not depend on the number of users."""

from __future__ import annotations

from wsproof.model.nanoseconds import NS

BURST_EVERY, BURST_SIZE = 20, 3
"""The last few of this many intended times are equal: one member publishes them right after each other.

Otherwise a member publishes again only after all others, and a server that swaps neighbours would never be seen.
"""


class SendTimes:
    """The intended send times of one workload run, ascending, at `rate_hz` per second in all.

    The first call of `next_ns` sets the first time. A time that is missed is not moved, so the latency of its
    publication includes the delay. This avoids coordinated omission.
    """

    def __init__(self, rate_hz: float) -> None:
        self.gap_ns = NS / rate_hz
        self.start_ns: int | None = None
        self.taken = 0

    def next_ns(self, now_ns: int) -> int:
        """The next intended time in ns. It stays the same until `take` is called."""
        if self.start_ns is None:
            self.start_ns = now_ns
        return self.start_ns + int((self.taken - self.position_in_burst) * self.gap_ns)

    @property
    def position_in_burst(self) -> int:
        """0, or how many publications of a burst come before the next one."""
        return max(self.taken % BURST_EVERY - (BURST_EVERY - BURST_SIZE), 0)

    def take(self) -> None:
        """Mark the next intended time as used."""
        self.taken += 1

    def restart(self) -> None:
        """Start a new schedule at the next call of `next_ns`."""
        self.start_ns = None
        self.taken = 0

    def change_rate(self, rate_hz: float, now_ns: int) -> None:
        """Use another rate from the next intended time on."""
        if self.start_ns is not None:
            self.start_ns = self.next_ns(now_ns)
        self.taken = 0
        self.gap_ns = NS / rate_hz

    def overdue(self, now_ns: int) -> int:
        """The number of intended times that have passed without `take`."""
        if self.start_ns is None or now_ns < self.start_ns:
            return 0
        return max(int((now_ns - self.start_ns) / self.gap_ns) + 1 - self.taken, 0)
