"""The last look at a feed: its standing viewers stay until they have received enough objects."""

from __future__ import annotations

from collections.abc import Callable

from wsproof.delivery.runner import ScheduleRunner
from wsproof.delivery.standing import StandingAudience

STEP_S = 0.1
"""Seconds between two looks at the viewers."""


def watch_feed(
    audience: StandingAudience, runner: ScheduleRunner, objects: int, within_s: float, *, wait: Callable[[float], None]
) -> None:
    """Keep the viewers of a feed connected until the idle one has received `objects`, for at most `within_s` seconds.

    A fault of one object in a hundred is not seen in the few objects that the other checks wait for. `wait` sleeps for
    some seconds.
    """
    name = runner.workload.name
    runner.gather()
    steps = round(within_s / STEP_S)
    while steps > 0 and audience.is_open(name) and audience.objects_received(name) < objects:
        wait(STEP_S)
        steps -= 1
