"""How `run` divides its time: all parts together are to be done in a minute and a half."""

from __future__ import annotations

from wsproof.model.plan import Plan

WHOLE_SECONDS = 80.0
"""For everything, with the default options. The rest of 90 s is for a busy machine: start-up, the end, the page."""
CHECK_SECONDS = 35.0
"""The default `--budget` of `run`."""
LOAD_SECONDS = 10.0
AROUND_LOAD_SECONDS = 6.0
"""What Locust takes to start, to drain and to report."""
AROUND_BENCH_SECONDS = 3.0
"""What a bench takes to start its server, to connect and to drain."""


def fits_again(elapsed_s: float, plan: Plan) -> bool:
    """Whether a plan could be measured twice from now on, and the load still be done in time."""
    block_s = plan.warmup_s + plan.duration_s + AROUND_BENCH_SECONDS
    return elapsed_s + 2 * block_s + LOAD_SECONDS + AROUND_LOAD_SECONDS <= WHOLE_SECONDS
