from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from wsproof.model.arrivals import CONSTANT, POISSON, Arrivals, BurstArrivals, RampArrivals, Trace
from wsproof.model.nanoseconds import NS
from wsproof.model.plan import Phase, Plan, schedule

PLAN = Plan(rate_hz=100.0, duration_s=4.0, warmup_s=1.0, publishers=3, seed=5)


def test_constant_arrivals_are_evenly_spaced_at_the_rate_of_all_publishers_together() -> None:
    planned = schedule(PLAN)
    assert abs(len(planned) - 500) <= 1
    gaps = np.diff(planned.offset_ns)
    assert gaps.min() >= NS // 100 - 1
    assert gaps.max() <= NS // 100 + 1


@pytest.mark.parametrize("arrivals", [CONSTANT, POISSON, BurstArrivals(4), RampArrivals(20, 80)])
def test_the_same_plan_gives_the_same_schedule_and_another_seed_a_different_one(arrivals: Arrivals) -> None:
    plan = replace(PLAN, arrivals=arrivals)
    assert np.array_equal(schedule(plan).offset_ns, schedule(plan).offset_ns)
    reseeded = schedule(replace(plan, seed=6)).offset_ns
    assert not np.array_equal(schedule(plan).offset_ns[: len(reseeded)], reseeded[: len(schedule(plan))])


@pytest.mark.parametrize(
    "arrivals", [CONSTANT, POISSON, BurstArrivals(4), RampArrivals(20, 80), Trace((0, 3 * NS, 7 * NS))]
)
def test_times_ascend_and_stay_within_warm_up_and_window(arrivals: Arrivals) -> None:
    planned = schedule(replace(PLAN, arrivals=arrivals))
    assert (np.diff(planned.offset_ns) >= 0).all()
    assert planned.offset_ns[0] >= 0
    assert planned.offset_ns[-1] < 5 * NS
    warm = planned.offset_ns < NS
    assert (planned.phase[warm] == Phase.WARMUP).all()
    assert (planned.phase[~warm] == Phase.MEASURED).all()


def test_poisson_arrivals_have_exponential_gaps() -> None:
    planned = schedule(replace(PLAN, arrivals=POISSON, rate_hz=2000.0, duration_s=20.0))
    gaps = np.diff(planned.offset_ns)
    assert len(planned) == pytest.approx(42_000, rel=0.03)
    # The standard deviation of an exponential distribution is its mean; evenly spaced gaps would have none.
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)


def test_publishers_take_turns() -> None:
    assert list(schedule(PLAN).publisher[:7]) == [0, 1, 2, 0, 1, 2, 0]


def test_a_plan_without_publishers_does_not_divide_by_zero() -> None:
    assert set(schedule(replace(PLAN, publishers=0)).publisher) == {0}


def test_a_plan_is_stored_as_readable_json() -> None:
    assert PLAN.to_json()["arrivals"] == "constant"
    assert replace(PLAN, arrivals=BurstArrivals(3)).to_json()["arrivals"] == "burst:3"
    assert PLAN.to_json()["seed"] == 5
