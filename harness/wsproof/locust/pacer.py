"""Publishes for a room at its intended times, each time by the next member in turn.

The room has the clock, not its users: a user that is stopped takes no time slot with it, and one that is slow delays
nobody.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic_ns

import gevent
from gevent.event import Event

from wsproof.locust.send_times import SendTimes
from wsproof.model.plan import NS

EARLY_NS = 1_500_000
"""The loop's timers round up to whole milliseconds: it wakes us this much early, and then we look at the clock."""
LOOKING_AT_MOST_HZ = 100.0
"""Looking at the clock costs up to 1.5 ms a publication: above this rate the rounding is cheaper."""


class RunPacer:
    """`publish(member, intended_ns)` is called at each intended time while `speakers` has somebody. It may not wait."""

    def __init__(self, rate_hz: float, publish: Callable[[int, int], None]) -> None:
        self.speakers: deque[int] = deque()
        self.slots = SendTimes(rate_hz)
        self._publish = publish
        self._somebody = Event()
        self._early_ns = EARLY_NS if rate_hz <= LOOKING_AT_MOST_HZ else 0
        self.greenlet = gevent.spawn(self._run)

    def add(self, member: int) -> None:
        """A member that may speak."""
        self.speakers.append(member)
        self._somebody.set()

    def remove(self, member: int) -> None:
        """It speaks no more. Again: nothing happens."""
        if member in self.speakers:
            self.speakers.remove(member)
        if not self.speakers:
            self._somebody.clear()

    def stop(self) -> None:
        """Publish no more."""
        self.greenlet.kill()

    def overdue(self, now_ns: int) -> int:
        """How many publications were due and have not been handed over."""
        return self.slots.overdue(now_ns) if self.speakers else 0

    def _run(self) -> None:
        while True:
            if not self.speakers:
                self._somebody.wait()
                self.slots.restart()  # nobody was there to say anything: nothing was due
            intended_ns = self.slots.next_ns(monotonic_ns())
            self._wait_until(intended_ns)
            if self.speakers:
                self.slots.take()
                self.speakers.rotate(-1)
                self._publish(self.speakers[-1], intended_ns)

    def _wait_until(self, intended_ns: int) -> None:
        left_ns = intended_ns - monotonic_ns()
        gevent.sleep(max(left_ns - self._early_ns, 0) / NS)  # 0 lets the others run, however late we are
        while monotonic_ns() < intended_ns:
            gevent.sleep(0)
