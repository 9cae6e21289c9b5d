"""The idle period at the end of a suite: standing members stay connected while nobody publishes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress

from wsproof.checks.standing_history import GRACE_NS
from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.schedule import Schedule
from wsproof.delivery.standing import StandingAudience
from wsproof.errors import TargetError
from wsproof.model.nanoseconds import NS
from wsproof.net.budget import BudgetSpent

STEP_S = 0.1
"""Seconds between two looks at the members."""
AFTERWARDS_S = 30.0
"""Seconds for the schedules after the idle period, which show whether the members are still served."""


def run_idle_period(
    audience: StandingAudience,
    runners: Iterable[ScheduleRunner],
    idle_s: float,
    schedules_of: Callable[[ScheduleRunner], tuple[Schedule, ...]],
    *,
    deadline_s: float,
    wait: Callable[[float], None],
) -> None:
    """Keep standing members on these channels for `idle_s` seconds, and then publish, so that they receive something.

    The period ends early if the server has disconnected all members. `wait` sleeps for some seconds.
    """
    listened = list(runners)
    for runner in listened:
        runner.gather()
    steps = round(idle_s / STEP_S)
    while steps > 0 and audience.has_open_members:
        wait(STEP_S)
        steps -= 1
    for runner in listened:
        if audience.has_open_members:
            with suppress(BudgetSpent, TargetError):
                for schedule in schedules_of(runner):
                    runner.run_and_check(schedule, deadline_s)
    if audience.has_open_members:
        wait(GRACE_NS / NS)  # what was published must have arrived by then
