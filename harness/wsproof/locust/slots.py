"""Intended send times, handed out one by one: an open loop whose rate does not depend on how many users there are."""

from __future__ import annotations

from wsproof.model.plan import NS


class Slots:
    """The times at which one room's publications are meant to leave, `rate_hz` per second in all, ascending.

    The first slot is the time of the first call. A slot that nobody could take in time stays where it was, so whoever
    takes it late shows the delay in its latency: nothing is omitted.
    """

    def __init__(self, rate_hz: float) -> None:
        self.gap_ns = NS / rate_hz
        self.start_ns: int | None = None
        self.taken = 0

    def take(self, now_ns: int) -> int:
        """The next intended time, in ns."""
        if self.start_ns is None:
            self.start_ns = now_ns
        intended_ns = self.start_ns + int(self.taken * self.gap_ns)
        self.taken += 1
        return intended_ns
