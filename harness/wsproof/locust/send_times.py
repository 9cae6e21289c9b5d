"""Intended send times, one after the other: an open loop whose rate does not depend on how many users there are."""

from __future__ import annotations

from wsproof.model.plan import NS


class SendTimes:
    """The times at which one room's publications are meant to leave, `rate_hz` per second in all, ascending.

    The first slot is the time of the first question. A slot that could not be used in time stays where it was, so its
    latency shows the delay: nothing is omitted.
    """

    def __init__(self, rate_hz: float) -> None:
        self.gap_ns = NS / rate_hz
        self.start_ns: int | None = None
        self.taken = 0

    def next_ns(self, now_ns: int) -> int:
        """The next intended time, in ns. The same until it is taken."""
        if self.start_ns is None:
            self.start_ns = now_ns
        return self.start_ns + int(self.taken * self.gap_ns)

    def take(self) -> None:
        """The next intended time is used up."""
        self.taken += 1

    def restart(self) -> None:
        """Begin anew at the time of the next question."""
        self.start_ns = None
        self.taken = 0

    def overdue(self, now_ns: int) -> int:
        """How many intended times have passed that nobody took."""
        if self.start_ns is None or now_ns < self.start_ns:
            return 0
        return max(int((now_ns - self.start_ns) / self.gap_ns) + 1 - self.taken, 0)
