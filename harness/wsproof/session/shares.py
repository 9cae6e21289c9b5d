"""How `run` divides its time: all parts together are to be done in a minute and a half."""

from __future__ import annotations

import time

import psutil

from wsproof.model.plan import Plan

WHOLE_SECONDS = 80.0
"""For everything, with the default options. The rest of 90 s is for a busy machine: start-up, the end, the page."""
CHECKED_AFTER_SECONDS = 36.0
"""When the checks are to be done, counted from the start of the process: a slow start leaves them less."""
LEAST_CHECK_SECONDS = 10.0
LOAD_SECONDS = 8.0
LEAST_LOAD_SECONDS = 4.0
LOADED_AFTER_SECONDS = 76.0
"""When Locust is to have run its time; it has less where the parts before it took long."""
AROUND_LOAD_SECONDS = 6.0
"""What Locust takes to start, to drain and to report."""
AROUND_BENCH_SECONDS = 3.0
"""What a bench takes to start its server, to connect and to drain."""


def elapsed_s() -> float:
    """Seconds since this process was started; importing is slow on a busy machine, and counts."""
    return time.time() - psutil.Process().create_time()


def check_budget(elapsed: float) -> float:
    """The seconds that `run` gives its checks where `--budget` does not say it."""
    return max(CHECKED_AFTER_SECONDS - elapsed, LEAST_CHECK_SECONDS)


def load_seconds(elapsed: float) -> float:
    """How long `run` lets Locust run."""
    return min(max(LOADED_AFTER_SECONDS - elapsed, LEAST_LOAD_SECONDS), LOAD_SECONDS)


def fits_again(elapsed: float, plan: Plan) -> bool:
    """Whether a plan could be measured twice from now on, and the load still be done in time."""
    block_s = plan.warmup_s + plan.duration_s + AROUND_BENCH_SECONDS
    return elapsed + 2 * block_s + LOAD_SECONDS + AROUND_LOAD_SECONDS <= WHOLE_SECONDS
