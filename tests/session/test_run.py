"""Tests of how `run` divides its time."""

from __future__ import annotations

from wsproof.model.plan import Plan
from wsproof.session.check import PROTOCOL_SHARE, protocol_share
from wsproof.session.run import (
    AROUND_BENCH_SECONDS,
    AROUND_LOAD_SECONDS,
    CHECKED_AFTER_SECONDS,
    LEAST_CHECK_SECONDS,
    LEAST_LOAD_SECONDS,
    LOAD_SECONDS,
    LOADED_AFTER_SECONDS,
    WHOLE_SECONDS,
    check_budget,
    fits_again,
    load_seconds,
)


def test_the_parts_of_a_run_fit_in_90_seconds() -> None:
    plan = Plan()
    bench = plan.warmup_s + plan.duration_s + AROUND_BENCH_SECONDS
    assert CHECKED_AFTER_SECONDS + bench + LOAD_SECONDS + AROUND_LOAD_SECONDS <= WHOLE_SECONDS <= 90


def test_a_second_block_is_measured_only_if_time_for_the_load_remains() -> None:
    ahead = 2 * (12 + AROUND_BENCH_SECONDS) + LOAD_SECONDS + AROUND_LOAD_SECONDS
    assert fits_again(WHOLE_SECONDS - ahead, Plan(duration_s=10, warmup_s=2))
    assert not fits_again(WHOLE_SECONDS - ahead + 0.1, Plan(duration_s=10, warmup_s=2))
    assert not fits_again(WHOLE_SECONDS - ahead, Plan(duration_s=11, warmup_s=2))


def test_a_slow_start_leaves_the_checks_less_time_but_never_none() -> None:
    assert check_budget(3.0) == CHECKED_AFTER_SECONDS - 3.0
    assert check_budget(60.0) == LEAST_CHECK_SECONDS


def test_a_slow_bench_leaves_the_load_less_time_but_never_none() -> None:
    assert load_seconds(50.0) == LOAD_SECONDS
    assert load_seconds(LOADED_AFTER_SECONDS - 5.0) == 5.0
    assert load_seconds(200.0) == LEAST_LOAD_SECONDS


def test_a_few_channel_checks_leave_the_protocol_more_time() -> None:
    """With `--only protocol`, the channels suite has one check and must not reserve half of the time."""
    assert protocol_share(18) == PROTOCOL_SHARE
    assert protocol_share(1) == 0.85
    assert protocol_share(1) > protocol_share(4) > protocol_share(8) == PROTOCOL_SHARE
