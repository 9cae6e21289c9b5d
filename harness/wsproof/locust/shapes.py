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

from wsproof.locust.rate import set_rate_factor

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
        is_spike = _is_between(self, self.spike_at_s, self.spike_s, self.after_s)
        if is_spike is None:
            return None
        return (self.spike_users if is_spike else self.users), float(self.spike_users)


class ReconnectStorm(LoadTestShape):
    """Lets most users leave at once and come back at once, several times.

    The row `connect` has the times of the handshakes, and the page shows when all users receive again.
    """

    abstract = True
    users = 200
    staying_users = 10
    """Users that stay, so that somebody notices what the storm does to others."""
    calm_s = 20.0
    """Seconds before each storm, and after the last one."""
    away_s = 2.0
    storms = 3

    def tick(self) -> Tick | None:
        """The number of users now; None ends the test."""
        run_s = self.get_run_time()  # type: ignore[no-untyped-call]
        storm, in_turn_s = divmod(run_s, self.calm_s + self.away_s)
        is_away = in_turn_s >= self.calm_s
        if storm > self.storms or (storm == self.storms and is_away):
            return None
        return (self.staying_users if is_away else self.users), float(self.users)


class BroadcastStorm(LoadTestShape):
    """Lets all users publish many times as much for a while. The number of users stays the same."""

    abstract = True
    users = 100
    storm_factor = 10.0
    """The rate of publications in the storm, as a multiple of the usual one (`--ws-rate`)."""
    storm_at_s = 20.0
    storm_s = 10.0
    after_s = 20.0

    def tick(self) -> Tick | None:
        """The number of users now; None ends the test."""
        is_storm = _is_between(self, self.storm_at_s, self.storm_s, self.after_s)
        if is_storm is None:
            return None
        factor = self.storm_factor if is_storm else 1.0
        if self.runner is not None:
            set_rate_factor(self.runner.environment, factor)
        return self.users, float(self.users)


class Soak(Ramp):
    """Holds the same users for hours."""

    abstract = True
    users = 100
    ramp_s = 60.0
    hold_s = 4 * 3600.0


def _is_between(shape: LoadTestShape, at_s: float, for_s: float, after_s: float) -> bool | None:
    """Whether the test is in the stretch that begins at `at_s`. None `after_s` later: the test is over."""
    run_s = shape.get_run_time()  # type: ignore[no-untyped-call]
    ends_s = at_s + for_s
    return None if run_s >= ends_s + after_s else bool(at_s <= run_s < ends_s)
