"""Time shares of `wsproof run`: all its parts together must end within 90 s."""

from __future__ import annotations

from wsproof.model.plan import Plan

WHOLE_SECONDS = 80.0
"""Seconds for all parts with the default options. The rest of 90 s is reserve on a busy machine: start, end, page."""
CHECKED_AFTER_SECONDS = 46.0
"""Deadline of the checks, in seconds from the start of the process. A slow start leaves less time for checks."""
LEAST_CHECK_SECONDS = 10.0
"""Minimum time for the checks, however slow the start was."""
LOAD_SECONDS = 8.0
"""Run time of Locust, in seconds, unless the parts before took too long."""
LEAST_LOAD_SECONDS = 4.0
"""Minimum run time of Locust, in seconds."""
LOADED_AFTER_SECONDS = 76.0
"""Deadline of Locust's run time, in seconds from the start. Locust runs for less time if the parts before were slow."""
AROUND_LOAD_SECONDS = 6.0
"""Seconds that Locust takes to start, drain and report."""
AROUND_BENCH_SECONDS = 3.0
"""Seconds that a bench takes to start its server, connect and drain."""


def check_budget(elapsed: float) -> float:
    """The budget of the checks in seconds, if `--budget` is not given."""
    return max(CHECKED_AFTER_SECONDS - elapsed, LEAST_CHECK_SECONDS)


def load_seconds(elapsed: float) -> float:
    """The run time of Locust in seconds."""
    return min(max(LOADED_AFTER_SECONDS - elapsed, LEAST_LOAD_SECONDS), LOAD_SECONDS)


def fits_again(elapsed: float, plan: Plan) -> bool:
    """Whether there is time for two measurements of the plan and for the load after them."""
    block_s = plan.warmup_s + plan.duration_s + AROUND_BENCH_SECONDS
    return elapsed + 2 * block_s + LOAD_SECONDS + AROUND_LOAD_SECONDS <= WHOLE_SECONDS
