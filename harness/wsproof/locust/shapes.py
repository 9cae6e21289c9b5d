"""Shapes of a load: how many users there are at which time. Subclass one in a locustfile and set its numbers.

    from wsproof.locust.shapes import Spike

    class MySpike(Spike):
        users = 50
        spike_users = 400

The measured window begins when the first number of users has come, and users that a shape adds or takes away later
cause no finding.
"""

from __future__ import annotations

from locust import LoadTestShape

Tick = tuple[int, float]
"""The number of users, and how many come or go per second."""


class Ramp(LoadTestShape):
    """Adds the same number of users every second, and then holds all of them for a while."""

    abstract = True
    users = 100
    ramp_s = 60.0
    hold_s = 60.0

    def tick(self) -> Tick | None:
        """The number of users now; None ends the test."""
        run_s = self.get_run_time()  # type: ignore[no-untyped-call]
        if run_s >= self.ramp_s + self.hold_s:
            return None
        return max(1, min(self.users, int(self.users * run_s / self.ramp_s))), max(self.users / self.ramp_s, 1.0)


class Steps(LoadTestShape):
    """Adds users in steps. The last step with good figures is below the knee.

    `wsproof capacity` searches for the knee, with an interval around it.
    """

    abstract = True
    step_users = 50
    step_s = 20.0
    steps = 10

    def tick(self) -> Tick | None:
        """The number of users now; None ends the test."""
        step = int(self.get_run_time() // self.step_s)  # type: ignore[no-untyped-call]
        if step >= self.steps:
            return None
        return (step + 1) * self.step_users, float(self.step_users)


class Spike(LoadTestShape):
    """Runs a few users, then many at once for a while, and then the few again."""

    abstract = True
    users = 20
    spike_users = 200
    spike_at_s = 20.0
    spike_s = 20.0
    after_s = 20.0

    def tick(self) -> Tick | None:
        """The number of users now; None ends the test."""
        run_s = self.get_run_time()  # type: ignore[no-untyped-call]
        ends_s = self.spike_at_s + self.spike_s
        if run_s >= ends_s + self.after_s:
            return None
        return (self.spike_users if self.spike_at_s <= run_s < ends_s else self.users), float(self.spike_users)


class Soak(Ramp):
    """Holds the same users for hours."""

    abstract = True
    users = 100
    ramp_s = 60.0
    hold_s = 4 * 3600.0
