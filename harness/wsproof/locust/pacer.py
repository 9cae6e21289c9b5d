"""Pacer of a workload run. At each intended time, the next member in turn publishes.

The run has one schedule for all its users. A stopped user removes no intended time, and a slow user delays no other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic_ns

import gevent
from gevent.event import Event

from wsproof.model.nanoseconds import NS

BURST_EVERY, BURST_SIZE = 20, 3
"""The last few of this many intended times are equal: one member publishes them right after each other.

Otherwise a member would publish again only after all others, and a server that swaps adjacent messages of one
publisher would not be noticed.
"""
EARLY_NS = 1_500_000
"""Nanoseconds before an intended time at which polling the clock begins.

The loop's timers round up to whole milliseconds, so a timer alone would wake the pacer late.
"""
LOOKING_AT_MOST_HZ = 100.0
"""Highest rate at which the clock is polled. Polling costs up to 1.5 ms per publication, too much above this rate."""


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


class RunPacer:
    """A pacer that calls `publish(member, intended_ns)` at each intended time while there are `speakers`.

    `publish` must not block. If the server has ended the connections of all members, their publications are still due:
    the pacer calls `publish` for one of the `lost` members.
    """

    def __init__(self, rate_hz: float, publish: Callable[[int, int], None]) -> None:
        self.speakers: deque[int] = deque()
        self.lost: deque[int] = deque()
        """Members that the server has cut off."""
        self.slots = SendTimes(rate_hz)
        self._publish = publish
        self._somebody = Event()
        self._early_ns = _early_ns(rate_hz)
        self.greenlet = gevent.spawn(self._run)

    def add(self, member: int) -> None:
        """Add a member that may publish."""
        self.speakers.append(member)
        self._somebody.set()

    def remove(self, member: int) -> None:
        """Remove a member that leaves as planned. Does nothing if the member is not there.

        Once the last speaker has left so, nothing more is due.
        """
        if member in self.speakers:
            self.speakers.remove(member)
            if not self.speakers:
                self.lost.clear()
                self._somebody.clear()

    def lose(self, member: int) -> None:
        """Remove a member that the server has cut off. What it would have published stays due."""
        if member in self.speakers:
            self.speakers.remove(member)
            self.lost.append(member)

    def replace(self, member: int) -> None:
        """Forget a member that the server has cut off: its user is back, as another member."""
        if member in self.lost:
            self.lost.remove(member)

    def change_rate(self, rate_hz: float) -> None:
        """Publish at another rate from the next intended time on."""
        self.slots.change_rate(rate_hz, monotonic_ns())
        self._early_ns = _early_ns(rate_hz)

    def stop(self) -> None:
        """Stop publishing."""
        self.greenlet.kill()

    def overdue(self, now_ns: int) -> int:
        """The number of publications that were due but not sent."""
        return self.slots.overdue(now_ns) if self.speakers or self.lost else 0

    def _run(self) -> None:
        while True:
            if not (self.speakers or self.lost):
                self._somebody.wait()
                self.slots.restart()  # without members, no publication was due
            intended_ns = self.slots.next_ns(monotonic_ns())
            self._wait_until(intended_ns)
            turns = self.speakers or self.lost
            if turns:
                if not self.slots.position_in_burst:
                    turns.rotate(-1)
                self.slots.take()
                self._publish(turns[-1], intended_ns)

    def _wait_until(self, intended_ns: int) -> None:
        left_ns = intended_ns - monotonic_ns()
        gevent.sleep(max(left_ns - self._early_ns, 0) / NS)  # 0 still lets the other greenlets run
        while monotonic_ns() < intended_ns:
            gevent.sleep(0)


def _early_ns(rate_hz: float) -> int:
    return EARLY_NS if rate_hz <= LOOKING_AT_MOST_HZ else 0
